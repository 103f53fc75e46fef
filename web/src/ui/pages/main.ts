import { MicError, type MicProblem } from '../../app/voice.js';
import { button, h, on, sentence, setLabel, setText } from '../dom.js';
import { t } from '../i18n.js';
import type { Model } from '../model.js';
import type { Page, Shell } from '../page.js';
import { conductButtons, errorSlot, heading, levelBar, reportDialog, saidItem, setLevel, showError } from '../parts.js';

const METER_MS = 80;

function choose(label: string, id: string, devices: MediaDeviceInfo[], chosen: string, then: (id: string) => void): HTMLElement[] {
    const options = [h('option', { value: '' }, t().standard)];
    for (const d of devices) {
        if (d.deviceId === 'default' || d.deviceId === 'communications') continue;
        options.push(h('option', { value: d.deviceId, selected: d.deviceId === chosen }, d.label));
    }
    const select = h('select', { id, testid: id }, ...options);
    on(select, 'change', () => then(select.value));
    return [h('label', { for: id }, label), select];
}

/** Microphone test, and which devices are used. */
function soundPanel(shell: Shell): { root: HTMLElement; stop(): void; leave(): void } {
    const voice = shell.client.voice;
    const problem = h('p', { role: 'alert', class: 'error', hidden: true });
    const bar = levelBar(t().level), choices = h('div', { class: 'devices' });
    const hear = h('input', { type: 'checkbox', id: 'hear', testid: 'hear' });
    const live = h('div', { class: 'live', hidden: true }, h('span', { class: 'soft' }, t().level), bar,
        h('label', { class: 'choice' }, hear, h('span', {}, t().hear, ' ', h('span', { class: 'soft' }, t().hearHint))));
    const test = button(t().test, { testid: 'test', kind: 'plain', icon: 'mic' }, () => void (timer === undefined ? start() : stop()));
    let timer: ReturnType<typeof setInterval> | undefined, listed = '';

    const listDevices = async (): Promise<void> => {
        const found = await voice.devices(), list = [...found.mics, ...found.speakers].map((d) => d.deviceId + d.label).join();
        if (list === listed) return; // the keyboard may be in one of them
        listed = list;
        choices.replaceChildren();
        if (found.mics.length > 0) {
            choices.append(...choose(t().mic, 'mic-device', found.mics, voice.micId, (id) => {
                voice.micId = id;
                if (timer !== undefined) void start();
            }));
        }
        if (found.speakers.length > 0) choices.append(...choose(t().speaker, 'speaker-device', found.speakers, voice.speakerId, (id) => void voice.setSpeaker(id)));
    };
    const stop = (): void => {
        clearInterval(timer);
        voice.closeMic(); // or no longer asks for it
        timer = undefined;
        hear.checked = false;
        live.hidden = true;
        setLabel(test, t().test);
    };
    const fail = (why: MicProblem): void => {
        stop();
        setText(problem, t().micProblems[why]);
        problem.hidden = false;
    };
    const start = async (): Promise<void> => {
        problem.hidden = true;
        clearInterval(timer);
        voice.wake();
        try {
            const track = await voice.openMic();
            if (!track) return;
            track.addEventListener('ended', () => fail('gone'));
        } catch (e) {
            fail(e instanceof MicError ? e.problem : 'busy');
            return;
        }
        voice.hear(hear.checked);
        live.hidden = false;
        setLabel(test, t().testStop);
        timer = setInterval(() => setLevel(bar, voice.ownLevel()), METER_MS);
        await listDevices();
    };
    on(hear, 'change', () => voice.hear(hear.checked));
    const root = h('details', { class: 'panel', testid: 'sound' }, h('summary', {}, t().sound),
        h('p', { class: 'soft' }, t().soundHint), test, problem, live, choices);
    const plugged = (): void => void (root.open && listDevices());
    on(root, 'toggle', () => void (root.open ? listDevices() : stop()));
    voice.onPlugged(plugged);
    const leave = (): void => {
        stop();
        voice.onPlugged(null);
    };
    return { root, stop, leave };
}

/** How the last talk ended, what was said in it, and what can be done about the partner. */
function lastTalk(shell: Shell, m: Model): HTMLElement | null {
    if (!m.ended) return null;
    const { reason, name } = m.ended, pattern = t().ended[reason] ?? t().ended.lost ?? '';
    const bad = ['dtls_failed', 'sas_failed', 'protocol', 'no_relay'].includes(reason);
    const dialog = reportDialog(shell, name);
    const canAct = shell.client.last !== null && m.conduct === null && reason !== 'blocked' && reason !== 'reported';
    const said = m.conduct === 'blocked' ? t().isBlocked : m.conduct === 'reported' ? t().isReported : m.conduct === 'failed' ? t().conductFailed : '';
    return h('div', { class: bad ? 'card notice bad' : 'card notice', testid: 'ended', 'data-reason': reason },
        h('p', {}, sentence(pattern, name)),
        said ? h('p', { class: 'soft', role: 'status', testid: 'conduct' }, said) : null,
        m.messages.length > 0 ? h('details', {}, h('summary', {}, t().lastTalk), h('ul', { class: 'log kept' }, ...m.messages.map((s) => saidItem(s, name)))) : null,
        canAct ? h('div', { class: 'row' }, h('span', { class: 'soft' }, sentence(t().lastPartner, name)), ...conductButtons(shell, dialog), dialog) : null);
}

export function mainPage(shell: Shell): Page {
    const error = errorSlot(), notice = h('div', {}), sound = soundPanel(shell);
    const ready = button(t().ready, { testid: 'ready', kind: 'primary' }, () => {
        sound.stop();
        shell.client.ready();
    });
    ready.classList.add('huge');
    let shown = '';
    return {
        root: h('section', { class: 'page main' }, notice, heading(t().mainTitle), h('p', { class: 'lead' }, t().mainLead), error, ready, sound.root),
        leave: () => sound.leave(),
        update(m) {
            showError(error, m);
            ready.disabled = m.state !== 'idle';
            const key = JSON.stringify([m.ended, m.conduct, shell.client.last?.pair]);
            if (key === shown) return;
            shown = key;
            const card = lastTalk(shell, m);
            notice.replaceChildren(...(card ? [card] : []));
        },
    };
}
