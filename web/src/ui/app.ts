/* The application: one page at a time, chosen by the conversation's state; header, language and announcements. */
import { Client, type Happening } from '../app/client.js';
import * as store from '../app/store.js';
import { button, h, on, sentence, setText } from './dom.js';
import { guessLanguage, language, LANGUAGES, setLanguage, t } from './i18n.js';
import { Model } from './model.js';
import type { Page, PageId, Shell } from './page.js';
import { convoPage } from './pages/convo.js';
import { cannotPage, loginPage } from './pages/login.js';
import { mainPage } from './pages/main.js';
import { rulesPage } from './pages/rules.js';
import { waitPage } from './pages/wait.js';

const MAKE: Record<PageId, (shell: Shell) => Page> = { login: loginPage, rules: rulesPage, main: mainPage, wait: waitPage, convo: convoPage };

const LOW_PX = 500; // not all of a talk's parts fit
const INFO_AGAIN_MS = 2_000;

export class App implements Shell {
    readonly model = new Model();
    readonly client: Client;
    private readonly header = h('header', { class: 'bar' });
    private readonly main = h('main', { id: 'page' });
    private readonly live = h('p', { class: 'sr-only', 'aria-live': 'polite', testid: 'announce' });
    private page: Page | null = null;
    private pageId: PageId | null = null;
    private agreed = store.hasAgreed();
    private unread = 0;

    constructor() {
        guessLanguage();
        this.client = new Client((what) => this.happened(what));
        const skip = h('a', { class: 'skip', href: '#page' }, t().skip);
        document.body.replaceChildren(skip, this.header, this.main, this.live);
        document.addEventListener('visibilitychange', () => this.title(0));
        window.visualViewport?.addEventListener('resize', () => this.fit());
        this.fit();
    }

    async start(): Promise<void> {
        const why = this.cannot();
        if (why) {
            this.show('login', why());
            return;
        }
        this.model.info = await this.client.api.info();
        const refused = this.cannotHere();
        if (refused) {
            this.show('login', refused());
            return;
        }
        this.refresh();
        if (!this.model.info) void this.learn();
        await this.client.resume();
    }

    /** The server did not say at once what it is like: asked until it does. */
    private async learn(): Promise<void> {
        do await new Promise((done) => setTimeout(done, INFO_AGAIN_MS));
        while (!(this.model.info = await this.client.api.info()));
        const refused = this.cannotHere();
        if (refused) {
            this.show('login', refused());
            if (this.model.loggedIn) this.client.logOut();
        } else if (this.pageId === 'rules') this.show('rules');
    }

    refresh(): void {
        const wished = this.cannotHere() ? 'login' : this.wishedPage();
        if (wished !== this.pageId) this.show(wished);
        else this.page?.update(this.model);
    }

    announce(text: string): void {
        setText(this.live, text);
    }

    agree(): void {
        store.agree();
        this.agreed = true;
        this.refresh();
    }

    /* --- what this browser, this address or this server rule out --- */

    private cannot(): (() => Page) | null {
        if (!window.isSecureContext) return () => cannotPage(t().insecureTitle, t().insecure(location.host));
        const able = typeof window.RTCPeerConnection === 'function' && typeof window.RTCPeerConnection.generateCertificate === 'function' && 'WebSocket' in window && 'subtle' in crypto;
        return able ? null : () => cannotPage(t().oldTitle, t().old);
    }

    private cannotHere(): (() => Page) | null {
        const info = this.model.info;
        if (info?.sip_mode === 'asterisk') return () => cannotPage(t().nativeTitle, t().native);
        if (info && !info.links.includes('gcm')) return () => cannotPage(t().cbcTitle, t().cbc);
        return null;
    }

    /* --- pages --- */

    private wishedPage(): PageId {
        switch (this.model.state) {
        case 'logged_out':
            return 'login';
        case 'logging_in':
            return this.model.loggedIn && this.pageId !== 'login' ? 'main' : 'login';
        case 'idle':
            return this.agreed ? 'main' : 'rules';
        case 'waiting':
        case 'connecting':
            return 'wait';
        case 'talking':
        case 'reconnecting':
            return 'convo';
        case 'ending':
            return this.pageId ?? 'login'; // where it was
        }
    }

    private show(id: PageId, page: Page = MAKE[id](this)): void {
        const first = this.page === null;
        this.page?.leave?.();
        this.page = page;
        this.pageId = id;
        document.body.dataset.page = id;
        this.drawHeader();
        this.main.replaceChildren(page.root);
        page.update(this.model);
        this.title(0);
        window.scrollTo(0, 0);
        const target = page.focus ?? page.root.querySelector<HTMLElement>('h1');
        if (!first || page.focus) target?.focus({ preventScroll: true });
    }

    private drawHeader(): void {
        const known = this.model.loggedIn;
        const pick = h('select', { 'aria-label': t().languages, testid: 'language' },
            ...Object.entries(LANGUAGES).map(([code, texts]) => h('option', { value: code, lang: code, selected: code === language() }, texts.language)));
        on(pick, 'change', () => this.changeLanguage(pick.value));
        this.header.replaceChildren(
            h('p', { class: 'brand' }, h('span', { class: 'mark', 'aria-hidden': 'true' }), h('span', {}, 'myTurn')),
            h('div', { class: 'tools' },
                known ? h('span', { class: 'me soft' }, sentence(t().signedInAs, this.model.name)) : null,
                pick,
                known ? button(t().logout, { testid: 'logout', kind: 'quiet' }, () => this.client.logOut()) : null));
    }

    private changeLanguage(code: string): void {
        setLanguage(code);
        if (!this.pageId) return;
        const skip = document.querySelector('.skip');
        if (skip) skip.textContent = t().skip;
        const why = this.cannot() ?? this.cannotHere();
        this.show(this.pageId, why?.());
        this.header.querySelector('select')?.focus();
    }

    /* --- what happens --- */

    private happened(what: Happening): void {
        this.model.take(what);
        if (what.event === 'logged-in' || what.event === 'logged-out') this.drawHeader();
        if (what.event === 'logged-in' && this.cannotHere()) this.client.logOut();
        if (what.event === 'ended' && what.reason !== 'next') {
            const pattern = t().ended[what.reason];
            if (this.model.ended && pattern) this.announce(pattern.replace('{name}', what.name));
        }
        if (what.event === 'words') this.announce(t().began.replace('{name}', this.model.partner));
        if (what.event === 'text') this.title(this.unread + 1);
        if (what.event === 'words' && document.hidden) this.title(1);
        this.refresh();
    }

    /** A keyboard on the screen covers the page's lower part without making the page smaller. Who zooms in wants no such help. */
    private fit(): void {
        const view = window.visualViewport, zoomed = (view?.scale ?? 1) > 1.05, height = view?.height ?? window.innerHeight;
        document.body.classList.toggle('low', !zoomed && height < LOW_PX);
        if (zoomed) document.body.style.removeProperty('--view');
        else document.body.style.setProperty('--view', `${height}px`);
    }

    /** Something new while the page is not looked at shows in its title. */
    private title(unread: number): void {
        this.unread = document.hidden ? unread : 0;
        const who = this.pageId === 'convo' && this.model.partner ? `${this.model.partner} – ` : '';
        document.title = `${this.unread > 0 ? `(${this.unread}) ` : ''}${who}myTurn`;
    }
}
