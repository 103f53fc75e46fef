/* Pieces that several pages have. */
import type { Shell } from './page.js';
import { button, h, name, on, sentence, setText } from './dom.js';
import { t } from './i18n.js';
import type { Model, Said } from './model.js';

/** The heading that the keyboard goes to when a page comes up. */
export const heading = (text: string | Node): HTMLElement => h('h1', { tabindex: '-1' }, text);

/** Where errors of a page stand; empty and hidden most of the time. */
export function errorSlot(id = 'error'): HTMLElement {
    return h('p', { id, testid: 'error', role: 'alert', class: 'error', hidden: true });
}

export function showError(slot: HTMLElement, m: Model): void {
    const text = m.error ? errorText(m) : '';
    setText(slot, text);
    slot.hidden = text === '';
}

function errorText(m: Model): string {
    const e = m.error;
    if (!e) return '';
    const texts = t().errors, parts = [texts[e.code] ?? texts.internal ?? ''];
    if (e.code !== 'suspended') return parts.join(' ');
    if (e.fault?.text) parts.push(e.fault.text);
    if (e.fault?.retryAfterS) parts.push(t().suspendedUntil(Math.ceil(e.fault.retryAfterS / 60)));
    const contact = e.fault?.contact ?? m.info?.contact;
    if (contact) parts.push(`${t().objectTo} ${contact}`);
    return parts.join(' ');
}

/** One of the messages; whose it is, is also said to a screen reader. */
export function saidItem(said: Said, partner: string): HTMLElement {
    const who = said.mine ? h('span', { class: 'sr-only' }, `${t().you}: `) : h('span', { class: 'sr-only' }, name(partner), ': ');
    return h('li', { class: said.mine ? 'said mine' : 'said theirs' }, who, h('span', { class: 'bubble', dir: 'auto' }, said.text));
}

/** "Report": reasons, a note, and what happens. */
export function reportDialog(shell: Shell, who: string): HTMLDialogElement {
    const reasons = Object.entries(t().reasons).map(([value, label], i) =>
        h('label', { class: 'choice' }, h('input', { type: 'radio', name: 'reason', value, checked: i === 0 }), h('span', {}, label)));
    const note = h('textarea', { rows: '2', maxlength: '500', id: 'report-note' });
    const form = h('form', { method: 'dialog' },
        h('h2', { id: 'report-title' }, sentence(t().reportTitle, who)),
        h('p', {}, t().reportLead),
        h('fieldset', {}, h('legend', {}, t().reportWhy), ...reasons),
        h('label', { for: 'report-note' }, t().reportNote), note,
        h('div', { class: 'row end' },
            button(t().cancel, { testid: 'report-cancel', kind: 'plain' }, () => dialog.close()),
            button(t().reportSend, { testid: 'report-send', kind: 'danger', type: 'submit' })));
    const dialog = h('dialog', { 'aria-labelledby': 'report-title', testid: 'report-dialog' }, form);
    on(form, 'submit', () => {
        const reason = form.querySelector<HTMLInputElement>('input:checked')?.value ?? 'other';
        shell.client.report(reason, Array.from(note.value).slice(0, 500).join(''));
        shell.refresh();
    });
    return dialog;
}

/** "Block" and "Report" for a partner. */
export function conductButtons(shell: Shell, dialog: HTMLDialogElement): HTMLElement[] {
    return [
        button(t().block, { testid: 'block', kind: 'quiet', icon: 'block' }, () => {
            shell.client.block();
            shell.refresh();
        }),
        button(t().report, { testid: 'report', kind: 'quiet', icon: 'flag' }, () => dialog.showModal()),
    ];
}

export function wordsDialog(): HTMLDialogElement {
    const close = button(t().close, { kind: 'primary' }, () => dialog.close());
    const dialog = h('dialog', { 'aria-labelledby': 'words-title' },
        h('h2', { id: 'words-title' }, t().wordsTitle), h('p', {}, t().wordsHow), h('p', {}, t().wordsProve), h('p', {}, t().wordsNot),
        h('div', { class: 'row end' }, close));
    return dialog;
}

/** A bar that shows a level between 0 and 1. */
export function levelBar(label?: string): HTMLElement {
    return h('span', label === undefined ? { class: 'level', 'aria-hidden': 'true' }
        : { class: 'level', role: 'meter', 'aria-label': label, 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': '0' }, h('span', {}));
}

export function setLevel(bar: HTMLElement, level: number): void {
    bar.style.setProperty('--level', level.toFixed(3));
    if (bar.hasAttribute('role')) bar.setAttribute('aria-valuenow', String(Math.round(100 * level)));
}
