/* The fingerprints that the four words stand for: SHA-256 of the certificates that the handshake was held with; never the text of a
 * description, which the server could have changed. */
import { fromHex } from '../core/bytes.js';

export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes.slice().buffer));
}

const fromColons = (text: string): Uint8Array | null => {
    const bytes = fromHex(text.replace(/:/g, ''));
    return bytes?.length === 32 ? bytes : null;
};

interface Certificate { fingerprint?: string; fingerprintAlgorithm?: string; base64Certificate?: string }

/** From getStats: the certificate of one side of the transport, hashed here where its DER is given. */
async function fromStats(pc: RTCPeerConnection, side: 'localCertificateId' | 'remoteCertificateId'): Promise<Uint8Array | null> {
    const stats = await pc.getStats();
    let id: unknown;
    stats.forEach((s: Record<string, unknown>) => {
        if (s.type === 'transport' && typeof s[side] === 'string') id = s[side];
    });
    const found = typeof id === 'string' ? (stats.get(id) as Certificate | undefined) : undefined;
    if (!found) return null;
    if (found.base64Certificate) {
        return sha256(Uint8Array.from(atob(found.base64Certificate), (c) => c.charCodeAt(0)));
    }
    return found.fingerprintAlgorithm === 'sha-256' && found.fingerprint ? fromColons(found.fingerprint) : null;
}

async function firstOf(ways: (() => Promise<Uint8Array | null> | Uint8Array | null)[]): Promise<Uint8Array> {
    for (const way of ways) {
        const found = await way();
        if (found) return found;
    }
    throw new Error('the browser does not tell its certificate');
}

export function ownFingerprint(pc: RTCPeerConnection, certificate: RTCCertificate): Promise<Uint8Array> {
    return firstOf([
        () => {
            const all = typeof certificate.getFingerprints === 'function' ? certificate.getFingerprints() : [];
            const value = all.find((f) => f.algorithm?.toLowerCase() === 'sha-256')?.value;
            return value === undefined ? null : fromColons(value);
        },
        () => fromStats(pc, 'localCertificateId'),
    ]);
}

export function peerFingerprint(pc: RTCPeerConnection): Promise<Uint8Array> {
    return firstOf([
        async () => {
            const dtls = pc.sctp?.transport as { getRemoteCertificates?(): ArrayBuffer[] } | undefined;
            const der = dtls?.getRemoteCertificates?.()[0];
            return der && der.byteLength > 0 ? sha256(new Uint8Array(der)) : null;
        },
        () => fromStats(pc, 'remoteCertificateId'),
    ]);
}
