// Certificates and keys that options name, checked before anything starts: the code that reads them later (uWS, the
// NATS client) says only that one of them is wrong, or logs it once a minute.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { FanwireError } from '../base/error.js';

/** A flag and the path that it was given. */
export type Given = readonly [flag: string, path: string];

/** @throws FanwireError FANWIRE_CONFIG_TLS where the file holds no PEM certificate, FANWIRE_CONFIG_FILE where it cannot
 *  be read */
export function requireCertificate(given: Given): X509Certificate {
  return parsed(given, 'PEM certificate', (text) => new X509Certificate(text));
}

/** @throws FanwireError as requireCertificate does, also where the key is none, is encrypted, or is another
 *  certificate's */
export function requireKeyPair(certificate: Given, key: Given): X509Certificate {
  const held = requireCertificate(certificate);
  const privateKey: KeyObject = parsed(key, 'PEM private key without a passphrase', (text) => createPrivateKey(text));
  if (held.checkPrivateKey(privateKey)) return held;
  throw unusable(`${shown(key)} is not the key of ${shown(certificate)}`);
}

function parsed<T>(given: Given, kind: string, parse: (text: string) => T): T {
  const text = readGiven(given);
  try {
    return parse(text);
  } catch (error) {
    throw unusable(`${shown(given)} holds no ${kind}: ${(error as Error).message}`);
  }
}

/** @throws FanwireError FANWIRE_CONFIG_FILE */
export function readGiven([flag, path]: Given): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new FanwireError('FANWIRE_CONFIG_FILE', `cannot read ${flag} "${path}": ${(error as Error).message}`);
  }
}

function shown([flag, path]: Given): string {
  return `${flag} "${path}"`;
}

function unusable(message: string): FanwireError {
  return new FanwireError('FANWIRE_CONFIG_TLS', message);
}
