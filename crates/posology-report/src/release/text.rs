//! The text of a release as sentences and words, each with its place in the text as it was written.

use rust_decimal::Decimal;

/// What a word is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// Letters, with digits and hyphens among them: `patients`, `I-131`. In lower case, with plain hyphens.
    Letters(String),
    /// A number in digits, or a number word up to a hundred.
    Number(Decimal),
    /// Anything else, one sign each; dashes are `-`, quotation marks `"`.
    Sign(char),
}

/// A word with its place.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) word: Word,
    /// Bytes in the text.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether the number stood in digits.
    pub(super) digits: bool,
    /// Whether it begins with a capital letter.
    pub(super) capital: bool,
}

impl Token {
    pub(super) fn letters(&self) -> &str {
        match &self.word {
            Word::Letters(letters) => letters,
            _ => "",
        }
    }

    pub(super) fn number(&self) -> Option<Decimal> {
        match self.word {
            Word::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A whole number from 0 to 10,000.
    pub(super) fn whole(&self) -> Option<u32> {
        let number = self.number()?.normalize();
        (number.scale() == 0)
            .then(|| u32::try_from(number.mantissa()).ok())?
            .filter(|number| *number <= 10_000)
    }

    pub(super) fn is_sign(&self, sign: char) -> bool {
        self.word == Word::Sign(sign)
    }
}

/// A sentence, a heading, a row or an item of a list.
#[derive(Debug, Clone)]
pub(super) struct Sentence {
    pub(super) tokens: Vec<Token>,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Line on which it begins, from 1.
    pub(super) line: usize,
    /// Paragraph, from 0.
    pub(super) paragraph: usize,
}

impl Sentence {
    pub(super) fn at(&self, place: usize) -> Option<&Token> {
        self.tokens.get(place)
    }

    pub(super) fn letters(&self, place: usize) -> &str {
        self.tokens.get(place).map_or("", Token::letters)
    }

    /// Whether these words stand from a place on; `*` stands for any one word.
    pub(super) fn has_at(&self, place: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(offset, word)| {
            let found = self.letters(place + offset);
            if *word == "*" { self.at(place + offset).is_some() } else { found == *word }
        })
    }

    /// Where these words first stand.
    pub(super) fn find(&self, words: &[&str]) -> Option<usize> {
        (0..self.tokens.len()).find(|place| self.has_at(*place, words))
    }

    /// Whether any of these words stands anywhere.
    pub(super) fn has_any(&self, words: &[&str]) -> bool {
        self.tokens.iter().any(|token| words.contains(&token.letters()))
    }

    /// Whether a word begins so anywhere.
    pub(super) fn has_stem(&self, stems: &[&str]) -> bool {
        self.tokens.iter().any(|token| stems.iter().any(|stem| token.letters().starts_with(stem)))
    }
}

/// Digits of a number at most.
const LONGEST_NUMBER: usize = 15;

/// Number words.
const NUMBERS: [(&str, u32); 29] = [
    ("zero", 0),
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("thirteen", 13),
    ("fourteen", 14),
    ("fifteen", 15),
    ("sixteen", 16),
    ("seventeen", 17),
    ("eighteen", 18),
    ("nineteen", 19),
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("seventy", 70),
    ("eighty", 80),
    ("ninety", 90),
    ("hundred", 100),
];

pub(super) fn number_word(word: &str) -> Option<u32> {
    let single = |word: &str| NUMBERS.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    if let Some(value) = single(word) {
        return Some(value);
    }
    let (tens, ones) = word.split_once('-')?;
    let (tens, ones) = (single(tens)?, single(ones)?);
    ((20..100).contains(&tens) && tens % 10 == 0 && (1..10).contains(&ones)).then_some(tens + ones)
}

fn plain(letter: char) -> char {
    match letter {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2018}' | '\u{2019}' | '\u{02bc}' => '\'',
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{00ab}' | '\u{00bb}' => '"',
        '\u{00b2}' => '2',
        other => other,
    }
}

fn tokens(text: &str, from: usize) -> Vec<Token> {
    let letters: Vec<(usize, char)> = text.char_indices().map(|(at, letter)| (at, plain(letter))).collect();
    let at = |place: usize| letters.get(place).map_or('\0', |(_, letter)| *letter);
    let byte = |place: usize| from + letters.get(place).map_or(text.len(), |(byte, _)| *byte);
    let mut tokens = Vec::new();
    let mut place = 0;
    while place < letters.len() {
        let letter = at(place);
        if letter.is_whitespace() || letter == '\u{200b}' || letter == '*' || letter == '_' {
            place += 1;
            continue;
        }
        let begin = place;
        if letter.is_ascii_digit() {
            let mut digits = String::new();
            while at(place).is_ascii_digit()
                || (at(place) == '.' && at(place + 1).is_ascii_digit())
                || (at(place) == ','
                    && (1..=3).all(|more| at(place + more).is_ascii_digit())
                    && !at(place + 4).is_ascii_digit())
            {
                if at(place) != ',' {
                    digits.push(at(place));
                }
                place += 1;
            }
            // A number with letters on it, such as `131I` or `2nd`, is a name.
            if at(place).is_alphabetic() && !is_unit(&letters, place) {
                while at(place).is_alphanumeric() {
                    place += 1;
                }
                let word: String = (begin..place).map(at).collect::<String>().to_lowercase();
                push(&mut tokens, Word::Letters(word), byte(begin), byte(place), false, false);
                continue;
            }
            // What is longer is no number of a release, and would leave the range in which sums are exact.
            let short = digits.len() <= LONGEST_NUMBER;
            match digits.parse() {
                Ok(number) if short => {
                    push(&mut tokens, Word::Number(number), byte(begin), byte(place), true, false)
                }
                _ => push(&mut tokens, Word::Letters(digits), byte(begin), byte(place), true, false),
            }
        } else if letter.is_alphabetic() {
            while at(place).is_alphanumeric()
                || (matches!(at(place), '-' | '\'' | '&') && at(place + 1).is_alphanumeric() && place > begin)
            {
                place += 1;
            }
            let word: String = (begin..place).map(at).collect::<String>().to_lowercase();
            let capital = letter.is_uppercase();
            match number_word(&word) {
                Some(number) => {
                    push(&mut tokens, Word::Number(number.into()), byte(begin), byte(place), false, capital);
                }
                None => push(&mut tokens, Word::Letters(word), byte(begin), byte(place), false, capital),
            }
        } else {
            place += 1;
            push(&mut tokens, Word::Sign(letter), byte(begin), byte(place), false, false);
        }
    }
    tokens
}

fn push(tokens: &mut Vec<Token>, word: Word, start: usize, end: usize, digits: bool, capital: bool) {
    tokens.push(Token { word, start, end, digits, capital });
}

/// Whether a unit of activity or of size begins here, straight behind its number: `20mCi`.
fn is_unit(letters: &[(usize, char)], place: usize) -> bool {
    let rest: String = letters.iter().skip(place).take(3).map(|(_, letter)| *letter).collect();
    ["mCi", "MBq", "GBq", "mg", "mm", "cm", "kg"].iter().any(|unit| rest.starts_with(unit))
}

/// Abbreviations after which a full stop ends no sentence.
const ABBREVIATIONS: [&str; 34] = [
    "inc", "corp", "ltd", "co", "dr", "mr", "mrs", "ms", "prof", "st", "vs", "no", "approx", "fig", "u.s",
    "e.g", "i.e", "ph.d", "m.d", "jr", "sr", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sept", "sep",
    "oct", "nov", "dec", "wis",
];

/// The sentences of a text.
pub(super) fn sentences(text: &str) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    let mut paragraph = 0;
    let mut unit: Option<(usize, usize)> = None;
    let mut offset = 0;
    let mut lines: Vec<(usize, &str)> = Vec::new();
    for line in text.split_inclusive('\n') {
        lines.push((offset, line));
        offset += line.len();
    }
    let flush = |unit: &mut Option<(usize, usize)>, paragraph: usize, into: &mut Vec<Sentence>| {
        if let Some((start, end)) = unit.take() {
            split(text, start, end, paragraph, into);
        }
    };
    for (start, line) in lines {
        let trimmed = line.trim();
        let begins = starts_item(trimmed);
        if trimmed.is_empty() || trimmed.chars().all(|c| matches!(c, '-' | '=' | '|' | ':' | '#' | ' ' | '*'))
        {
            flush(&mut unit, paragraph, &mut sentences);
            paragraph += 1;
            continue;
        }
        let heading = trimmed.starts_with('#') || is_heading(trimmed);
        if begins || heading {
            flush(&mut unit, paragraph, &mut sentences);
        }
        let end = start + line.trim_end().len();
        match &mut unit {
            Some((_, upto)) => *upto = end,
            None => unit = Some((start + (line.len() - line.trim_start().len()), end)),
        }
        if heading || trimmed.starts_with('|') {
            flush(&mut unit, paragraph, &mut sentences);
        }
    }
    flush(&mut unit, paragraph, &mut sentences);
    sentences
}

/// An item of a list, or a row of a table.
fn starts_item(line: &str) -> bool {
    let mut letters = line.chars();
    match letters.next() {
        Some('-' | '*' | '\u{2022}' | '\u{2013}' | '\u{2014}' | '\u{00b7}' | '|') => true,
        Some(first) if first.is_ascii_digit() => {
            let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
            rest.starts_with(". ") || rest.starts_with(") ")
        }
        _ => false,
    }
}

/// A line by itself that begins with a capital and ends without a stop, too short to run on.
fn is_heading(line: &str) -> bool {
    if line.starts_with("About ")
        && line.len() < 80
        && !line.contains('%')
        && line.split_whitespace().count() <= 9
    {
        // A company's own full stop ends no sentence.
        return !line.ends_with('.')
            || ["Inc.", "Ltd.", "Corp.", "Co."].iter().any(|end| line.ends_with(end));
    }
    line.len() < 60
        && line.chars().next().is_some_and(char::is_uppercase)
        && !line.ends_with(['.', ',', ';', ':', '-', '\u{2014}'])
        && line.split_whitespace().count() <= 8
        && line.split_whitespace().filter(|word| word.chars().next().is_some_and(char::is_uppercase)).count()
            * 2
            >= line.split_whitespace().count()
}

fn split(text: &str, start: usize, end: usize, paragraph: usize, into: &mut Vec<Sentence>) {
    let Some(part) = text.get(start..end) else { return };
    let letters: Vec<(usize, char)> = part.char_indices().collect();
    let mut from = 0;
    let mut cuts = Vec::new();
    for (place, (byte, letter)) in letters.iter().enumerate() {
        if !matches!(letter, '.' | '!' | '?') {
            continue;
        }
        let mut next = place + 1;
        while letters.get(next).is_some_and(|(_, c)| matches!(plain(*c), '"' | '\'' | ')' | ']')) {
            next += 1;
        }
        let Some((_, space)) = letters.get(next) else { continue };
        if !space.is_whitespace() {
            continue;
        }
        let follows = letters.iter().skip(next).map(|(_, c)| *c).find(|c| !c.is_whitespace());
        let begins = follows
            .is_some_and(|c| c.is_uppercase() || c.is_ascii_digit() || matches!(plain(c), '"' | '\'' | '('));
        let before = part.get(from..*byte).unwrap_or_default();
        let last =
            before.rsplit(|c: char| c.is_whitespace() || c == '(' || c == ',').next().unwrap_or_default();
        let last = last.to_lowercase();
        let initial = last.chars().count() == 1 && last.chars().all(char::is_alphabetic);
        if *letter == '.' && (ABBREVIATIONS.contains(&last.as_str()) || initial) {
            // `Inc.` may end a sentence; then the next begins a clause of its own, which is no harm to reading.
            continue;
        }
        if begins {
            let cut = letters.get(next).map_or(part.len(), |(byte, _)| *byte);
            cuts.push(cut);
            from = cut;
        }
    }
    cuts.push(part.len());
    let mut from = 0;
    for cut in cuts {
        let piece = part.get(from..cut).unwrap_or_default();
        let lead = piece.len() - piece.trim_start().len();
        let trimmed = piece.trim();
        if !trimmed.is_empty() {
            let begin = start + from + lead;
            let line = text.get(..begin).unwrap_or_default().matches('\n').count() + 1;
            into.push(Sentence {
                tokens: tokens(trimmed, begin),
                start: begin,
                end: begin + trimmed.len(),
                line,
                paragraph,
            });
        }
        from = cut;
    }
}
