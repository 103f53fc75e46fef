import { MAX_POINTS } from '../../core/chan.js';
import { button, h, icon, on, sentence, setLabel, setText } from '../dom.js';
import { t } from '../i18n.js';
import type { Model } from '../model.js';
import type { Page, Shell } from '../page.js';
import { conductButtons, heading, levelBar, reportDialog, saidItem, setLevel, wordsDialog } from '../parts.js';
import { clock } from './wait.js';

const TYPING_MS = 3_000, SURE_MS = 5_000, METER_MS = 100, PATH_MS = 2_000, NEAR_PX = 60;

/** The messages, following the newest unless the reader has scrolled up. */
function messageLog(who: string): { root: HTMLElement; leave(): void; update(m: Model): void } {
    const list = h('ul', {});
    const root = h('div', { class: 'log', testid: 'log', role: 'log', 'aria-live': 'polite', 'aria-label': t().messages, tabindex: '0' }, list);
    let shown = 0, follows = true, lastTop = 0;
    const toNewest = (behavior: ScrollBehavior): void => root.scrollTo({ top: root.scrollHeight, behavior });
    const look = (): void => { // on its way to the newest it may be far from it; only upwards it is the reader
        if (root.scrollHeight - root.scrollTop - root.clientHeight < NEAR_PX) follows = true;
        else if (root.scrollTop < lastTop) follows = false;
        lastTop = root.scrollTop;
    };
    on(root, 'scroll', look);
    const fitted = new ResizeObserver(() => follows && toNewest('instant')); // a keyboard on the screen came or went
    fitted.observe(root);
    list.append(h('li', { class: 'began' }, sentence(t().began, who)));
    return {
        root,
        leave: () => fitted.disconnect(),
        update(m) {
            const total = m.dropped + m.messages.length;
            if (total === shown) return;
            look(); // the event of a scrolling comes a frame after it
            for (const said of m.messages.slice(Math.max(0, shown - m.dropped))) list.append(saidItem(said, who));
            while (list.children.length > m.messages.length + 1) list.children[1]?.remove();
            shown = total;
            follows ||= m.messages.at(-1)?.mine ?? false;
            if (follows) toNewest('auto');
        },
    };
}

function composer(shell: Shell): { root: HTMLElement; field: HTMLTextAreaElement; leave(): void; update(m: Model): void } {
    const client = shell.client;
    const hint = h('p', { class: 'error', role: 'alert', hidden: true });
    const field = h('textarea', { testid: 'message', id: 'message', rows: '1', placeholder: t().messageHint, dir: 'auto', 'aria-label': t().message, enterkeyhint: 'send', autocomplete: 'off' });
    const send = button(t().send, { testid: 'send', kind: 'primary', icon: 'send', type: 'submit' });
    const form = h('form', { class: 'composer' }, field, send);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stopTyping = (): void => {
        clearTimeout(timer);
        client.typing(false);
    };
    const grow = (): void => {
        field.style.height = 'auto';
        field.style.height = `${Math.min(field.scrollHeight, 160)}px`;
    };
    field.value = shell.model.draft; // of before the language was changed
    on(field, 'input', () => {
        shell.model.draft = field.value;
        grow();
        hint.hidden = Array.from(field.value).length <= MAX_POINTS;
        setText(hint, hint.hidden ? '' : t().tooLong);
        clearTimeout(timer);
        client.typing(field.value !== '');
        timer = setTimeout(stopTyping, TYPING_MS);
    });
    on(field, 'keydown', (e) => {
        if (e.key !== 'Enter' || e.shiftKey || e.isComposing) return;
        e.preventDefault();
        form.requestSubmit();
    });
    on(form, 'submit', (e) => {
        e.preventDefault();
        const text = field.value.trim();
        if (text !== '') {
            if (!client.say(text)) {
                setText(hint, t().tooLong);
                hint.hidden = false;
                return;
            }
            shell.model.say(text);
            shell.model.micProblem = null; // it was read
            field.value = shell.model.draft = '';
            grow();
            stopTyping();
            shell.refresh();
        }
        field.focus();
    });
    return { root: h('div', {}, hint, form), field, leave: stopTyping, update: (m) => { send.disabled = m.state === 'ending'; } };
}

/** Direct or relayed, and the ciphers; asked of the browser while it is open. */
function detailsPanel(shell: Shell): { root: HTMLElement; leave(): void } {
    const path = h('dd', { testid: 'path' }), text = h('dd', { testid: 'dtls' }), voice = h('dd', { testid: 'srtp' });
    const notGcm = h('p', { class: 'soft', testid: 'not-gcm', hidden: true }, t().notGcm);
    let timer: ReturnType<typeof setInterval> | undefined;
    const look = (): void => void shell.client.path().then((p) => {
        if (!p) return;
        setText(path, p.relayed === null ? t().unknown : p.relayed ? t().relayed : t().direct);
        setText(text, p.dtls || t().unknown);
        setText(voice, p.srtp || t().unknown);
        notGcm.hidden = p.srtp === '' || p.srtp.includes('AEAD');
    });
    const root = h('details', { class: 'panel', testid: 'details' }, h('summary', {}, t().details),
        h('dl', {}, h('dt', {}, t().path), path, h('dt', {}, t().textCipher), text, h('dt', {}, t().voiceCipher), voice),
        notGcm, h('p', { class: 'soft' }, t().cbcNot));
    const leave = (): void => clearInterval(timer);
    on(root, 'toggle', () => {
        leave();
        if (!root.open) return;
        look();
        timer = setInterval(look, PATH_MS);
    });
    return { root, leave };
}

function micButton(shell: Shell): { root: HTMLElement; update(m: Model): void; leave(): void } {
    const voice = shell.client.voice;
    const bar = levelBar(), off = icon('micOff');
    const press = button(t().micOff, { testid: 'mic', kind: 'plain', icon: 'mic' }, () => void shell.client.setMic(!shell.client.micOn));
    off.classList.add('when-off');
    press.prepend(off);
    press.append(bar);
    const timer = setInterval(() => setLevel(bar, shell.client.micOn ? voice.ownLevel() : 0), METER_MS);
    return {
        root: press,
        leave: () => clearInterval(timer),
        update(m) {
            press.setAttribute('aria-pressed', String(m.ownMic));
            setLabel(press, m.ownMic ? t().micOn : t().micOff);
            press.disabled = m.state === 'ending';
        },
    };
}

/** The second press hangs up: the first may have been a slip. */
function hangUpButton(shell: Shell): { root: HTMLButtonElement; leave(): void } {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const root = button(t().hangup, { testid: 'hangup', kind: 'danger', icon: 'end' }, () => {
        if (timer !== undefined) {
            clearTimeout(timer);
            shell.client.hangUp();
            shell.refresh();
            return;
        }
        setLabel(root, t().hangupSure);
        root.classList.add('sure');
        shell.announce(t().hangupSure);
        timer = setTimeout(() => {
            timer = undefined;
            root.classList.remove('sure');
            setLabel(root, t().hangup);
        }, SURE_MS);
    });
    return { root, leave: () => clearTimeout(timer) };
}

export function convoPage(shell: Shell): Page {
    const who = shell.model.partner, client = shell.client;
    const log = messageLog(who), write = composer(shell), details = detailsPanel(shell), mic = micButton(shell), hangup = hangUpButton(shell);
    const report = reportDialog(shell, who), what = wordsDialog();
    const words = h('p', { class: 'words', testid: 'words' });
    const since = h('span', { class: 'time soft', 'aria-hidden': 'true' }), status = h('p', { class: 'status', role: 'status' });
    const partnerMic = h('p', { class: 'partner-mic soft', testid: 'partner-mic' }), heard = levelBar();
    const typing = h('p', { class: 'typing soft', testid: 'typing' }), problem = h('p', { class: 'error', role: 'alert', testid: 'error', hidden: true });
    const next = button(t().next, { testid: 'next', kind: 'primary', icon: 'next' }, () => client.next());
    const timer = setInterval(() => {
        setText(since, clock(Math.floor((performance.now() - shell.model.talkSinceMs) / 1000)));
        setLevel(heard, client.voice.partnerLevel());
    }, METER_MS);
    let shownWords = '', shownMic: boolean | null = null;
    return {
        root: h('section', { class: 'page convo' },
            h('div', { class: 'head' }, h('div', { class: 'who' }, heading(sentence(t().talkWith, who)), since),
                h('div', { class: 'heard' }, partnerMic, heard)),
            h('div', { class: 'words-box' }, h('span', { class: 'soft', id: 'words-label' }, icon('lock'), t().words), words,
                button(t().wordsWhat, { testid: 'words-what', kind: 'quiet' }, () => what.showModal())),
            status, problem, log.root, typing, write.root,
            h('div', { class: 'actions' }, mic.root, next, hangup.root),
            h('div', { class: 'more' }, ...conductButtons(shell, report), details.root),
            report, what),
        focus: write.field,
        leave() {
            for (const part of [log, write, details, mic, hangup]) part.leave();
            clearInterval(timer);
        },
        update(m) {
            for (const part of [log, write, mic]) part.update(m);
            setText(status, m.state === 'reconnecting' ? t().reconnecting : m.state === 'ending' ? t().ending : m.poor ? t().poor : '');
            status.dataset.kind = m.state === 'talking' && m.poor ? 'poor' : m.state;
            status.hidden = status.textContent === '';
            setText(problem, m.micProblem ? t().micProblems[m.micProblem] : '');
            problem.hidden = m.micProblem === null;
            typing.replaceChildren(...(m.typing ? [sentence(t().typing, who)] : []));
            next.disabled = hangup.root.disabled = m.state === 'ending';
            if (m.words.join(' ') !== shownWords) {
                shownWords = m.words.join(' ');
                words.replaceChildren(...m.words.flatMap((w, i) => [i > 0 ? ' ' : '', h('span', { lang: 'en' }, w)]));
            }
            if (m.partnerMic !== shownMic) {
                const first = shownMic === null;
                shownMic = m.partnerMic;
                partnerMic.replaceChildren(sentence(m.partnerMic ? t().partnerMicOn : t().partnerMicOff, who));
                partnerMic.dataset.on = String(m.partnerMic);
                if (!first) shell.announce(partnerMic.textContent);
            }
        },
    };
}

