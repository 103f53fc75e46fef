import { button, h, sentence, setLabel, setText } from '../dom.js';
import { t } from '../i18n.js';
import type { Page, Shell } from '../page.js';
import { errorSlot, heading, showError } from '../parts.js';

export function clock(seconds: number): string {
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

export function waitPage(shell: Shell): Page {
    const title = heading(t().waitTitle), error = errorSlot();
    const elapsed = h('span', { class: 'time', testid: 'elapsed' }), online = h('p', { testid: 'online', class: 'soft' });
    const retried = h('p', { class: 'soft', role: 'status', testid: 'retried' });
    const stop = button(t().cancel, { testid: 'cancel', kind: 'plain' }, () => {
        if (shell.client.state === 'waiting') shell.client.cancel();
        else shell.client.hangUp();
    });
    const orbit = h('div', { class: 'orbit', 'aria-hidden': 'true' }, h('span', {}), h('span', {}), h('span', {}));
    let connecting = '';
    return {
        root: h('section', { class: 'page wait' }, orbit, title, h('p', {}, `${t().elapsed} `, elapsed), online, retried, error, stop),
        update(m) {
            showError(error, m);
            setText(elapsed, clock(m.elapsedS));
            setText(online, !m.counted ? '' : m.online < 2 ? t().alone : `${t().online(m.online)} · ${t().waiting(m.ready)}`);
            retried.replaceChildren(...(m.retried ? [sentence(t().retried, m.retried)] : []));
            const now = m.state === 'connecting' ? m.partner : '';
            if (now === connecting) return;
            connecting = now;
            title.replaceChildren(now ? sentence(t().connectTitle, now) : t().waitTitle);
            setLabel(stop, now ? t().leaveConnecting : t().cancel);
            if (now) shell.announce(title.textContent);
        },
    };
}
