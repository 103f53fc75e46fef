import { button, h, icon, on, setLabel } from '../dom.js';
import { t } from '../i18n.js';
import type { Page, Shell } from '../page.js';
import { errorSlot, heading, showError } from '../parts.js';

function fact(what: Parameters<typeof icon>[0], title: string, more: string): HTMLElement {
    return h('li', {}, h('span', { class: 'badge' }, icon(what)), h('span', {}, h('strong', {}, title), h('span', { class: 'soft' }, more)));
}

export function loginPage(shell: Shell): Page {
    const error = errorSlot('login-error');
    const field = h('input', {
        id: 'name', testid: 'name', type: 'text', name: 'nickname', maxlength: '64', required: true, autocomplete: 'off', autocapitalize: 'off',
        spellcheck: 'false', dir: 'auto', 'aria-describedby': 'name-hint login-error', enterkeyhint: 'go',
    });
    const go = button(t().login, { testid: 'login', kind: 'primary', type: 'submit' });
    const form = h('form', { class: 'card', novalidate: true },
        h('label', { for: 'name' }, t().nameLabel), field,
        h('p', { id: 'name-hint', class: 'soft' }, t().nameHint), error, go);
    on(form, 'submit', (e) => {
        e.preventDefault();
        const name = field.value.trim();
        if (name === '') shell.model.take({ event: 'error', code: 'invalid_name' });
        else shell.client.logIn(name);
        shell.refresh();
    });
    const facts = h('ul', { class: 'facts', 'aria-label': t().facts },
        fact('people', t().fact1, t().fact1More), fact('lock', t().fact2, t().fact2More), fact('leaf', t().fact3, t().fact3More));
    let hadError = false;
    return {
        root: h('section', { class: 'page login' }, heading(t().loginTitle), h('p', { class: 'lead' }, t().loginLead), form, facts),
        focus: field,
        update(m) {
            showError(error, m);
            const busy = m.state !== 'logged_out';
            go.disabled = busy;
            field.readOnly = busy;
            if (busy && field.value === '') field.value = shell.client.name;
            setLabel(go, busy ? t().loggingIn : t().login);
            field.setAttribute('aria-invalid', String(m.error !== null));
            if (m.error && !hadError && !busy) {
                field.focus();
                field.select();
            }
            hadError = m.error !== null && !busy;
        },
    };
}

/** Instead of the login where this browser, address or server does not do. */
export function cannotPage(title: string, text: string): Page {
    return {
        root: h('section', { class: 'page login' }, heading(title), h('p', { testid: 'error', role: 'alert', class: 'error big' }, text)),
        update() { /* nothing changes */ },
    };
}
