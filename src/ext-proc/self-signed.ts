/**
 * A self-signed certificate made at start, for gateways that demand TLS and verify nothing. Node signs but cannot
 * write certificates, so the few DER structures of an X.509 v3 certificate (RFC 5280) are spelt out here.
 */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

export interface KeyPair {
  readonly key: Buffer;
  readonly certificate: Buffer;
}

const TEN_YEARS_MS = 10 * 365 * 24 * 3600 * 1000;
/** Clocks of peers may be behind ours. */
const CLOCK_SKEW_MS = 24 * 3600 * 1000;

const derTag = {
  integer: 2,
  bitString: 3,
  octetString: 4,
  oid: 6,
  utf8: 12,
  utcTime: 23,
  sequence: 48,
  set: 49,
} as const;
const oid = {
  ecdsaWithSha256: Buffer.from("2a8648ce3d040302", "hex"),
  commonName: Buffer.from("550403", "hex"),
  subjectAltName: Buffer.from("551d11", "hex"),
} as const;

export function selfSigned(commonName: string, now: Date): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = der(derTag.sequence, der(derTag.oid, oid.ecdsaWithSha256));
  const name = der(
    derTag.sequence,
    der(derTag.set, der(derTag.sequence, der(derTag.oid, oid.commonName), der(derTag.utf8, Buffer.from(commonName)))),
  );
  const validity = der(
    derTag.sequence,
    utcTime(new Date(now.getTime() - CLOCK_SKEW_MS)),
    utcTime(new Date(now.getTime() + TEN_YEARS_MS)),
  );
  // GeneralName dNSName is context tag 2; extensions are context tag 3, the version context tag 0.
  const alternativeNames = der(
    derTag.sequence,
    der(0x82, Buffer.from(commonName)),
    der(0x82, Buffer.from("localhost")),
  );
  const extension = der(
    derTag.sequence,
    der(derTag.oid, oid.subjectAltName),
    der(derTag.octetString, alternativeNames),
  );
  const body = der(
    derTag.sequence,
    der(0xa0, der(derTag.integer, Buffer.from([2]))),
    der(derTag.integer, serialNumber()),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, der(derTag.sequence, extension)),
  );
  const signature = sign("sha256", body, privateKey);
  const certificate = der(derTag.sequence, body, algorithm, der(derTag.bitString, Buffer.from([0]), signature));
  return {
    key: Buffer.from(privateKey.export({ type: "pkcs8", format: "pem" })),
    certificate: pem(certificate),
  };
}

/** Positive, never zero, at most 16 bytes. */
function serialNumber(): Buffer {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial;
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const header =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}

/** YYMMDDhhmmssZ; years from 2050 on would need another type, which ten years do not reach. */
function utcTime(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, "");
  return der(derTag.utcTime, Buffer.from(digits.slice(2)));
}

function pem(bytes: Buffer): Buffer {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return Buffer.from(`-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`);
}
