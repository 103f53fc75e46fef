import { button, h } from '../dom.js';
import { t } from '../i18n.js';
import type { Page, Shell } from '../page.js';
import { errorSlot, heading, showError } from '../parts.js';

export function rulesPage(shell: Shell): Page {
    const info = shell.model.info, age = info?.min_age ?? 18;
    const list = [t().rulesAge(age), t().rulesData, t().rulesKind, t().rulesWords, info?.relay_only ? t().rulesRelay : t().rulesAddress];
    const error = errorSlot();
    return {
        root: h('section', { class: 'page rules' },
            heading(t().rulesTitle), h('p', { class: 'lead' }, t().rulesLead),
            h('div', { class: 'card' },
                h('ul', { class: 'rules-list' }, ...list.map((text) => h('li', {}, text))),
                info?.contact ? h('p', {}, `${t().rulesContact} `, h('bdi', {}, info.contact)) : null,
                error,
                button(t().agree(age), { testid: 'agree', kind: 'primary' }, () => shell.agree()))),
        update: (m) => showError(error, m),
    };
}
