//! Keys of authors: what `minisign -S` and `cosign sign --key` make.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use blake2::{Blake2b512, Digest};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

/// A key of minisign.
pub struct MinisignKey {
    id: [u8; 8],
    pair: Ed25519KeyPair,
}

impl Default for MinisignKey {
    fn default() -> Self {
        let random = SystemRandom::new();
        let mut id = [0; 8];
        random.fill(&mut id).expect("random bytes");
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        Self { id, pair: Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("a key that was just made") }
    }
}

impl MinisignKey {
    /// The public key, as minisign prints it.
    pub fn public(&self) -> String {
        STANDARD.encode([b"Ed".as_slice(), &self.id, self.pair.public_key().as_ref()].concat())
    }

    /// The file that lies beside what is signed.
    pub fn sign(&self, bytes: &[u8]) -> String {
        let signature = self.pair.sign(&Blake2b512::digest(bytes));
        let comment = "timestamp:1790000000\tfile:sound.wasm\thashed";
        let global = self.pair.sign(&[signature.as_ref(), comment.as_bytes()].concat());
        let line = STANDARD.encode([b"ED".as_slice(), &self.id, signature.as_ref()].concat());
        let global = STANDARD.encode(global);
        format!(
            "untrusted comment: signature from minisign secret key\n{line}\ntrusted comment: {comment}\n{global}\n"
        )
    }
}

/// A key of cosign.
pub struct CosignKey(EcdsaKeyPair);

impl Default for CosignKey {
    fn default() -> Self {
        let random = SystemRandom::new();
        let kind = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &random).expect("a key");
        Self(EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).expect("a key that was just made"))
    }
}

impl CosignKey {
    /// What `cosign.pub` has.
    pub fn public(&self) -> String {
        const PREFIX: [u8; 26] = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
            0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        let der = STANDARD.encode([PREFIX.as_slice(), self.0.public_key().as_ref()].concat());
        let (first, second) = der.split_at(64);
        format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n")
    }

    /// The signature of a text, ASN.1.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(&SystemRandom::new(), bytes).expect("a signature").as_ref().to_vec()
    }
}
