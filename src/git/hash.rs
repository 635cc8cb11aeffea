//! The names of git's objects: what one says of a content, without asking git. Knows no repository.

/// The hash by which git knows an object: SHA-1 in most repositories, SHA-256 in some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hash(Vec<u8>);

impl Hash {
    /// From the bare bytes, as they stand in trees.
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// From hexadecimal digits, as git prints them.
    pub(crate) fn of_digits(digits: &[u8]) -> Option<Self> {
        let digit = |letter: u8| (letter as char).to_digit(16).and_then(|number| u8::try_from(number).ok());
        let pairs = digits.chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?));
        pairs.collect::<Option<_>>().map(Self)
    }

    /// As git prints it.
    pub(crate) fn digits(&self) -> String {
        self.0
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|digit| char::from_digit(digit.into(), 16))
            .collect()
    }

    /// Whether the object is a file with just that content. False also where the repository's kind of hash is not
    /// known here.
    pub(crate) fn is_of_file(&self, content: &[u8]) -> bool {
        self.0.len() == 20 && self.0 == sha1(&[format!("blob {}\0", content.len()).as_bytes(), content])
    }
}

/// SHA-1 of some parts, one after another (FIPS 180-4).
pub(crate) fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let (mut block, mut filled, mut length) = ([0_u8; 64], 0, 0_u64);
    for part in parts {
        length += part.len() as u64 * 8;
        let mut rest = *part;
        while !rest.is_empty() {
            if filled == 0
                && let Some((whole, after)) = rest.split_first_chunk::<64>()
            {
                add(&mut state, whole);
                rest = after;
                continue;
            }
            let taken = rest.len().min(64 - filled);
            block[filled..filled + taken].copy_from_slice(&rest[..taken]);
            (filled, rest) = ((filled + taken) % 64, &rest[taken..]);
            if filled == 0 {
                add(&mut state, &block);
            }
        }
    }
    block[filled] = 0x80;
    block[filled + 1..].fill(0);
    if filled >= 56 {
        add(&mut state, &block);
        block.fill(0);
    }
    block[56..].copy_from_slice(&length.to_be_bytes());
    add(&mut state, &block);
    let mut hash = [0; 20];
    for (bytes, word) in hash.chunks_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    hash
}

#[expect(clippy::many_single_char_names, reason = "they are those of the standard")]
fn add(state: &mut [u32; 5], block: &[u8; 64]) {
    let mut words = [0_u32; 80];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    for at in 16..80 {
        words[at] = (words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1);
    }
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for (at, word) in words.iter().enumerate() {
        let (mixed, constant) = match at {
            0..20 => (b & c | !b & d, 0x5a82_7999),
            20..40 => (b ^ c ^ d, 0x6ed9_eba1),
            40..60 => (b & c | b & d | c & d, 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let next = a.rotate_left(5).wrapping_add(mixed).wrapping_add(e).wrapping_add(constant).wrapping_add(*word);
        (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
    }
    for (word, more) in state.iter_mut().zip([a, b, c, d, e]) {
        *word = word.wrapping_add(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What git itself says of some contents (`git hash-object --stdin`).
    #[test]
    fn a_file_has_the_name_that_git_gives_it() {
        for (content, digits) in [
            (String::new(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
            ("a\n".to_owned(), "78981922613b2afb6025042ff6bd878ac1994e85"),
            ("x".repeat(1000), "14c7dfdd4258dec5c0e9d2e919bd249bd674be1f"),
        ] {
            let hash = Hash::of_digits(digits.as_bytes()).expect("these are digits");
            assert!(hash.is_of_file(content.as_bytes()), "{digits}");
            assert!(!hash.is_of_file(format!("{content} ").as_bytes()), "{digits}");
            assert_eq!(hash.digits(), digits);
        }
        assert_eq!(Hash::of_digits(b"0g"), None);
        assert_eq!(Hash::of_digits(b"012"), None);
    }

    /// The lengths at which the last block is just full, or has no room for the length any more.
    #[test]
    fn contents_of_any_length_are_hashed_the_same_whole_and_in_parts() {
        let content: Vec<u8> = (0..300_u32).map(|number| (number * 7 % 251) as u8).collect();
        for length in 0..content.len() {
            let whole = sha1(&[&content[..length]]);
            let (first, second) = content[..length].split_at(length / 3);
            assert_eq!(whole, sha1(&[first, second]), "{length}");
        }
        let known = |content: &[u8]| Hash::of_bytes(&sha1(&[content])).digits();
        assert_eq!(known(&[b'a'; 55]), "c1c8bbdc22796e28c0e15163d20899b65621d65a");
        assert_eq!(known(&[b'a'; 56]), "c2db330f6083854c99d4b5bfb6e8f29f201be699");
        assert_eq!(known(&[b'a'; 64]), "0098ba824b5c16427bd7a1122a5a442a25ec644d");
    }
}
