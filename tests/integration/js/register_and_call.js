/* JsSIP as it runs in a browser, over the WebSocket of Node's ws: registers; then either calls an extension or answers one call.
 *
 *   node register_and_call.js '{"url":…,"uri":…,"username":…,"password":…,"call":"111001"|null}'
 *
 * Prints one JSON line an event; ends after the call's end, or after registering where "only_register" is set. */
'use strict';
const { WebSocket } = require('ws');

/* What JsSIP expects of a browser. The peer connection is not what is tested here: its SDP is passed opaquely. */
globalThis.WebSocket = WebSocket;
globalThis.window = globalThis;
const JsSIP = require('jssip');

const wish = JSON.parse(process.argv[2]);
const SDP = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n';

function tell(event, more) {
    process.stdout.write(JSON.stringify({ event, ...more }) + '\n');
}

class PeerConnection extends EventTarget {
    constructor() {
        super();
        this.iceGatheringState = 'complete';
        this.iceConnectionState = 'new';
        this.signalingState = 'stable';
    }
    createOffer() { return Promise.resolve({ type: 'offer', sdp: SDP }); }
    createAnswer() { return Promise.resolve({ type: 'answer', sdp: SDP }); }
    setLocalDescription(d) { this.localDescription = d; return Promise.resolve(); }
    setRemoteDescription(d) { this.remoteDescription = d; return Promise.resolve(); }
    addTransceiver() {}
    addTrack() {}
    getSenders() { return []; }
    close() {}
}
globalThis.RTCPeerConnection = PeerConnection;
globalThis.RTCSessionDescription = class { constructor(d) { Object.assign(this, d); } };
globalThis.RTCIceCandidate = class {};

const ua = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(wish.url)],
    uri: wish.uri,
    authorization_user: wish.username,
    password: wish.password,
    session_timers: false,
    register: true,
});
const options = { mediaConstraints: { audio: false, video: false }, rtcOfferConstraints: {}, pcConfig: {} };

function finish(code) {
    ua.stop();
    setTimeout(() => process.exit(code), 300);
}

ua.on('connected', () => tell('connected'));
ua.on('registered', () => {
    tell('registered');
    if (wish.only_register)
        finish(0);
    else if (wish.call)
        ua.call(wish.call, options);
});
ua.on('registrationFailed', e => { tell('registrationFailed', { cause: e.cause }); finish(1); });
ua.on('newRTCSession', ({ session, originator }) => {
    session.on('accepted', () => {
        tell('accepted', { originator });
        if (originator === 'local')
            setTimeout(() => session.terminate(), 200);
    });
    session.on('ended', e => { tell('ended', { originator: e.originator, cause: e.cause }); finish(0); });
    session.on('failed', e => { tell('failed', { originator: e.originator, cause: e.cause }); finish(wish.fails ? 0 : 1); });
    if (originator === 'remote') {
        tell('incoming', { from: session.remote_identity.uri.toString() });
        session.answer(options);
    }
});
setTimeout(() => { tell('timeout'); process.exit(2); }, 15000).unref();
ua.start();
