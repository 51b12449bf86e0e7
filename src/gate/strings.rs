//! What the inside of a quoted string means (October 2021 specification, section 2.9.4).

/// Resolves the escapes of a string between single quotes; `None` where one of them names no character.
pub(crate) fn unescaped(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(escape) = rest.find('\\') {
        text.push_str(rest.get(..escape)?);
        let mut after = rest.get(escape + 1..)?.chars();
        let c = match after.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (c, left) = code_point(after.as_str())?;
                after = left.chars();
                c
            }
            // The tokens let only quote, backslash and slash come here.
            other => other,
        };
        text.push(c);
        rest = after.as_str();
    }
    text.push_str(rest);
    Some(text)
}

/// Four hexadecimal digits, or two escapes that together are one character outside of the basic plane.
fn code_point(digits: &str) -> Option<(char, &str)> {
    let (first, rest) = four_digits(digits)?;
    if !(0xD800..0xDC00).contains(&first) {
        return Some((char::from_u32(first)?, rest));
    }
    let (second, rest) = four_digits(rest.strip_prefix("\\u")?)?;
    let low = second.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
    Some((char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + low)?, rest))
}

fn four_digits(text: &str) -> Option<(u32, &str)> {
    let digits = text.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some((u32::from_str_radix(digits, 16).ok()?, text.get(4..)?))
}

/// A block string without its common indentation and without blank lines at either end.
pub(crate) fn dedented(raw: &str) -> String {
    let lines: Vec<&str> = raw.split("\r\n").flat_map(|part| part.split(['\r', '\n'])).collect();
    let indent_of = |line: &str| line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let blank = |line: &str| indent_of(line) == line.len();
    let common = lines.iter().skip(1).filter(|line| !blank(line)).map(|line| indent_of(line)).min().unwrap_or(0);
    let from = lines.iter().position(|line| !blank(line)).unwrap_or(lines.len());
    let to = lines.iter().rposition(|line| !blank(line)).map_or(from, |last| last + 1);
    let mut text = String::with_capacity(raw.len());
    for (number, line) in lines.iter().enumerate().take(to).skip(from) {
        if number > from {
            text.push('\n');
        }
        let cut = if number == 0 { 0 } else { common.min(line.len()) };
        text.push_str(line.get(cut..).unwrap_or_default());
    }
    text.replace("\\\"\"\"", "\"\"\"")
}
