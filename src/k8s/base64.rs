//! Bytes in text, as Secrets and ConfigMaps hold them.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// How many bytes a text stands for, if it is well formed.
#[must_use]
pub fn length(text: &str) -> usize {
    let digits = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n' | b'=')).count();
    digits * 6 / 8
}

/// The bytes that a text stands for; `None` if it holds what base 64 cannot.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length(text));
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n' | b'=')) {
        let value = LETTERS.iter().position(|letter| *letter == byte)?;
        bits = (bits << 6 | u32::try_from(value).ok()?) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// The text for some bytes.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let at = |index: usize| group.get(index).copied().map_or(0, usize::from);
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for (index, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            text.push(if index <= group.len() { char::from(LETTERS[bits >> shift & 63]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for (plain, text) in
            [("", ""), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj"), ("{\"auths\":{}}", "eyJhdXRocyI6e319")]
        {
            assert_eq!(encode(plain.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(plain.as_bytes()));
            assert_eq!(length(text), plain.len());
        }
        assert_eq!(decode("Y W"), None);
    }
}
