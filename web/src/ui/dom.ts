/* Elements, made without markup: what a stranger wrote can only ever be text. */

type Child = Node | string | null | false;
type Attributes = Record<string, string | boolean | undefined>;

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (value === undefined || value === false) continue;
        if (name === 'testid') element.dataset.testid = String(value);
        else element.setAttribute(name, value === true ? '' : value);
    }
    for (const child of children) if (child !== null && child !== false) element.append(child);
    return element;
}

const ICONS = {
    mic: 'M12 15a3.5 3.5 0 0 0 3.5-3.5v-5a3.5 3.5 0 0 0-7 0v5A3.5 3.5 0 0 0 12 15Zm6.5-3.5a6.5 6.5 0 0 1-13 0M12 18v3.5',
    micOff: 'M8.5 8v3.5a3.5 3.5 0 0 0 5.6 2.8M15.5 10.5v-4a3.5 3.5 0 0 0-6.6-1.6M5.5 11.5a6.5 6.5 0 0 0 10.6 5M18.4 12.500A6.500 6.500 0 0 0 18.5 11.500M12 18v3.500M4 3.500l16 17',
    send: 'M5 12h13M12.500 6l6 6-6 6',
    next: 'M5 6l7 6-7 6V6Zm8 0l7 6-7 6V6Z',
    end: 'M3.500 14.500c0-6 17-6 17 0v1.500c0 .8-.9 1.200-1.600.9l-2.600-1a1.500 1.500 0 0 1-.9-1.400v-1.300c-2-.7-4.800-.7-6.800 0v1.300c0 .6-.4 1.200-.9 1.400l-2.600 1c-.7.300-1.600-.1-1.600-.9v-1.500Z',
    lock: 'M6.500 11V8.500a5.500 5.500 0 0 1 11 0V11M5.500 11h13v9.500h-13V11Z',
    block: 'M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17ZM6 6l12 12',
    flag: 'M6 21.500V4c4-2.500 8 2.500 12.500 0v9.500c-4.500 2.500-8.500-2.500-12.500 0',
    people: 'M9 11.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7Zm-6.500 8c.3-4 3-5.500 6.500-5.500s6.200 1.500 6.500 5.500M16 5a3.500 3.500 0 0 1 0 6.500m2 3c2 .7 3.300 2.300 3.500 5',
    leaf: 'M5 19c0-9 5-14 15-14 0 10-5 14-11 14-1.500 0-3-.5-4-2m0 0c2-4 5-6.500 9-8',
};

export function icon(name: keyof typeof ICONS): SVGSVGElement {
    const ns = 'http://www.w3.org/2000/svg';
    const svg = document.createElementNS(ns, 'svg'), path = document.createElementNS(ns, 'path');
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('aria-hidden', 'true');
    svg.classList.add('icon');
    path.setAttribute('d', ICONS[name]);
    svg.append(path);
    return svg;
}

export function on<K extends keyof HTMLElementEventMap>(element: HTMLElement, event: K, then: (e: HTMLElementEventMap[K]) => void): void {
    element.addEventListener(event, then);
}

interface ButtonLook { testid?: string; kind?: 'primary' | 'plain' | 'danger' | 'quiet'; icon?: keyof typeof ICONS; type?: 'button' | 'submit' }

export function button(label: string, look: ButtonLook, press?: () => void): HTMLButtonElement {
    const element = h('button', { type: look.type ?? 'button', testid: look.testid, class: look.kind ?? 'plain' },
        look.icon ? icon(look.icon) : null, h('span', { class: 'label' }, label));
    if (press) on(element, 'click', press);
    return element;
}

export function setLabel(element: HTMLElement, label: string): void {
    const span = element.querySelector('.label') ?? element;
    if (span.textContent !== label) span.textContent = label;
}

export function setText(element: HTMLElement, text: string): void {
    if (element.textContent !== text) element.textContent = text;
}

/** A name in running text, kept from changing the direction of what stands around it. */
export function name(text: string): HTMLElement {
    return h('bdi', { class: 'name' }, text);
}

/** A sentence with {name} in it, the name isolated. */
export function sentence(pattern: string, who: string): DocumentFragment {
    const out = document.createDocumentFragment();
    pattern.split('{name}').forEach((part, i) => out.append(...(i > 0 ? [name(who), part] : [part])));
    return out;
}
