//! The token against a signature that is worked out here, step by step as AWS describes it.
use std::collections::BTreeMap;

use aws_config::Region;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

use super::region_of;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

#[test]
fn the_region_of_a_broker() {
    assert_eq!(region_of("b-1.name.x1y2.c3.kafka.eu-west-1.amazonaws.com:9098,b-2:1"), Some("eu-west-1"));
    assert_eq!(region_of("boot-x.c2.kafka-serverless.us-east-1.amazonaws.com:9098"), Some("us-east-1"));
    assert_eq!(region_of("localhost:9092"), None);
}

#[test]
fn the_hashes_here_are_right() {
    assert_eq!(hex(&sha256(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let (key, data) = (b"key", b"The quick brown fox jumps over the lazy dog");
    assert_eq!(hex(&hmac(key, data)), "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
}

#[tokio::test]
async fn a_token_is_a_request_signed_as_aws_says() {
    for session in [None, Some("a+session/token==")] {
        signed(session).await;
    }
}

async fn signed(session: Option<&str>) {
    let credentials = Credentials::new("AKIDEXAMPLE", SECRET, session.map(str::to_owned), None, "test");
    let provider = SharedCredentialsProvider::new(credentials);
    let token = super::sign(Region::new("us-east-1"), provider).await.unwrap();
    let url = String::from_utf8(unbase64(&token.token)).unwrap();
    let (host, query) = url.strip_prefix("https://").unwrap().split_once("/?").unwrap();
    assert_eq!(host, "kafka.us-east-1.amazonaws.com");
    let mut parts: BTreeMap<&str, &str> = query.split('&').map(|part| part.split_once('=').unwrap()).collect();
    let signature = parts.remove("X-Amz-Signature").unwrap();
    // It is added when all is signed.
    parts.remove("User-Agent").unwrap();
    assert_eq!(parts["Action"], "kafka-cluster%3AConnect");
    assert_eq!((parts["X-Amz-Expires"], parts["X-Amz-SignedHeaders"]), ("900", "host"));
    assert_eq!(parts.get("X-Amz-Security-Token").copied(), session.map(|_| "a%2Bsession%2Ftoken%3D%3D"));
    let time = parts["X-Amz-Date"];
    let (day, _) = time.split_once('T').unwrap();
    let scope = format!("{day}/us-east-1/kafka-cluster/aws4_request");
    assert_eq!(parts["X-Amz-Credential"].replace("%2F", "/"), format!("AKIDEXAMPLE/{scope}"));
    let query = parts.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    let request = format!("GET\n/\n{query}\nhost:{host}\n\nhost\n{}", hex(&sha256(b"")));
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&sha256(request.as_bytes())));
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in [day, "us-east-1", "kafka-cluster", "aws4_request"] {
        key = hmac(&key, part.as_bytes()).to_vec();
    }
    assert_eq!(signature, hex(&hmac(&key, text.as_bytes())));
    let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).unwrap().to_zoned(jiff::tz::TimeZone::UTC).unwrap();
    assert_eq!(token.lifetime_ms, at.timestamp().as_millisecond() + 900_000);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unbase64(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes() {
        let value = LETTERS.iter().position(|one| *one == letter).unwrap();
        (held, bits) = (held << 6 | value as u32, bits + 6);
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    bytes
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    let short = if key.len() > 64 { sha256(key).to_vec() } else { key.to_vec() };
    block[..short.len()].copy_from_slice(&short);
    let inner = sha256(&[&block.map(|byte| byte ^ 0x36)[..], message].concat());
    sha256(&[&block.map(|byte| byte ^ 0x5c)[..], &inner].concat())
}

/// FIPS 180-4. Its constants are the first bits of roots of primes.
fn sha256(message: &[u8]) -> [u8; 32] {
    let primes = (2_u64..).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0)).take(64).collect::<Vec<_>>();
    // The fraction of a root in 32 bits: the largest r with r^n <= prime * 2^(32 n), without its whole part.
    let root = |prime: u64, power: u32| {
        let wanted = u128::from(prime) << (32 * power);
        let (mut low, mut high) = (0_u128, 1_u128 << 40);
        while high - low > 1 {
            let middle = (low + high) / 2;
            if middle.pow(power) <= wanted { low = middle } else { high = middle }
        }
        low as u32
    };
    let rounds: Vec<u32> = primes.iter().map(|prime| root(*prime, 3)).collect();
    let mut state: Vec<u32> = primes.iter().take(8).map(|prime| root(*prime, 2)).collect();
    let mut padded = message.to_vec();
    padded.push(0x80);
    padded.resize((padded.len() + 8).next_multiple_of(64) - 8, 0);
    padded.extend((message.len() as u64 * 8).to_be_bytes());
    for chunk in padded.chunks(64) {
        let mut words: Vec<u32> = chunk.chunks(4).map(|word| u32::from_be_bytes(word.try_into().unwrap())).collect();
        for i in 16..64 {
            let (a, b) = (words[i - 15], words[i - 2]);
            let small = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
            let large = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
            words.push(words[i - 16].wrapping_add(small).wrapping_add(words[i - 7]).wrapping_add(large));
        }
        let mut s: [u32; 8] = state.clone().try_into().unwrap();
        for i in 0..64 {
            let e = s[4].rotate_right(6) ^ s[4].rotate_right(11) ^ s[4].rotate_right(25);
            let choice = (s[4] & s[5]) ^ (!s[4] & s[6]);
            let one = s[7].wrapping_add(e).wrapping_add(choice).wrapping_add(rounds[i]).wrapping_add(words[i]);
            let a = s[0].rotate_right(2) ^ s[0].rotate_right(13) ^ s[0].rotate_right(22);
            let two = a.wrapping_add((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
            s = [one.wrapping_add(two), s[0], s[1], s[2], s[3].wrapping_add(one), s[4], s[5], s[6]];
        }
        state.iter_mut().zip(s).for_each(|(state, s)| *state = state.wrapping_add(s));
    }
    let mut hash = [0; 32];
    hash.chunks_mut(4).zip(state).for_each(|(bytes, word)| bytes.copy_from_slice(&word.to_be_bytes()));
    hash
}
