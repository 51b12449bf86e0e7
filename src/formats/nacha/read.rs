//! Reading a file: line by line, each control held against the lines before it.

use std::borrow::Cow;

use chrono::{NaiveDate, NaiveTime};

use super::write::dollars;
use super::{AchBatch, AchEntry, AchFile, BLOCK, Kind, LINE, ServiceClass, Sums, Transaction, is_routing_number};
use crate::limits::MAX_ROWS;
use crate::problem::{Problem, ProblemCode, Problems, shown};
use crate::text::{self, Encoding};

/// The file, or the lines that are wrong. It is read whole or not at all.
pub fn parse(file: &[u8]) -> Result<AchFile, Problems> {
    let text = text::decode(file, Encoding::Unicode)?;
    let mut reading = Reading::default();
    for line in lines(&text)? {
        reading.take(&line)?;
    }
    reading.finish()
}

/// One line, filled up with spaces to its 94 characters: some senders leave them away at its end.
struct Line<'t> {
    number: u64,
    text: Cow<'t, str>,
}

impl Line<'_> {
    /// The characters from one place to another, counted from 1, both included.
    fn at(&self, from: usize, to: usize) -> &str {
        self.text.get(from.saturating_sub(1)..to).unwrap_or_default()
    }

    /// The same without the spaces around them.
    fn word(&self, from: usize, to: usize) -> String {
        self.at(from, to).trim().to_owned()
    }

    fn problem(&self, field: &str, code: ProblemCode, message: impl Into<String>) -> Problem {
        Problem::new(self.number, code, message).in_column(field)
    }

    /// Digits all through.
    fn digits(&self, field: &str, from: usize, to: usize) -> Result<u64, Problem> {
        let text = self.at(from, to);
        let number = if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None };
        number.ok_or_else(|| {
            let message = format!("{} in places {from} to {to} is not a number", shown(text));
            self.problem(field, ProblemCode::Number, message)
        })
    }

    /// `YYMMDD`, or nothing if the places are empty.
    fn day(&self, field: &str, from: usize, to: usize) -> Result<Option<NaiveDate>, Problem> {
        let text = self.at(from, to);
        if text.trim().is_empty() {
            return Ok(None);
        }
        let day = self.digits(field, from, to).ok().and_then(|_| {
            let part = |from: usize| text.get(from..from.checked_add(2)?)?.parse::<u32>().ok();
            NaiveDate::from_ymd_opt(i32::try_from(part(0)?).ok()?.checked_add(2000)?, part(2)?, part(4)?)
        });
        let message = || format!("{} is not a date written YYMMDD", shown(text));
        day.map(Some).ok_or_else(|| self.problem(field, ProblemCode::Date, message()))
    }

    fn constant(&self, field: &str, from: usize, to: usize, expected: &str) -> Result<(), Problem> {
        let found = self.at(from, to);
        if found == expected {
            return Ok(());
        }
        let message = format!("{} stands in places {from} to {to}, and {expected} is expected", shown(found));
        Err(self.problem(field, ProblemCode::Format, message))
    }

    fn is_filler(&self) -> bool {
        self.text.bytes().all(|byte| byte == b'9')
    }
}

/// The lines of a text; a file without line ends is cut every 94 characters.
fn lines(text: &str) -> Result<Vec<Line<'_>>, Problem> {
    if let Some((at, character)) = text.char_indices().find(|(_, character)| !character.is_ascii()) {
        let line = text.get(..at).map_or(1, |before| crate::records::line_ends(before).saturating_add(1));
        let message = format!("{character:?} is not a plain letter");
        return Err(Problem::new(line, ProblemCode::Encoding, message));
    }
    let text = text.trim_end_matches(['\n', '\r']);
    if text.trim().is_empty() {
        return Err(Problem::new(1, ProblemCode::Empty, "there is nothing in the file"));
    }
    let endless = !text.contains('\n') && text.len() > LINE && text.len().is_multiple_of(LINE);
    let mut all = Vec::new();
    let mut rest = text;
    let mut number = 0_u64;
    while !rest.is_empty() {
        number = number.saturating_add(1);
        if all.len() > MAX_ROWS.saturating_mul(2) {
            return Err(Problem::new(number, ProblemCode::TooLarge, format!("more than {MAX_ROWS} entries")));
        }
        let (line, after) = if endless {
            rest.split_at_checked(LINE).unwrap_or((rest, ""))
        } else {
            rest.split_once('\n').unwrap_or((rest, ""))
        };
        rest = after;
        let line = line.strip_suffix('\r').unwrap_or(line);
        let length = line.trim_end().len();
        if length > LINE || line.contains(['\r', '\t']) {
            let message = format!("the line has {length} characters; all lines have {LINE}");
            return Err(Problem::new(number, ProblemCode::Format, message));
        }
        let line = line.get(..LINE.min(line.len())).unwrap_or(line);
        let text = if line.len() == LINE { Cow::Borrowed(line) } else { Cow::Owned(format!("{line:LINE$}")) };
        all.push(Line { number, text });
    }
    Ok(all)
}

#[derive(Default)]
struct Reading {
    file: Option<AchFile>,
    batch: Option<(AchBatch, Sums)>,
    /// The number of the batch at hand, or of the last one.
    number: u64,
    /// The last entry says that an addenda follows.
    addenda_due: bool,
    sums: Sums,
    /// The file's control, with its line and the blocks that it states.
    control: Option<(u64, u64)>,
    lines: usize,
    problems: Problems,
}

impl Reading {
    /// Takes a line. What breaks the order of lines ends the reading; what is wrong within one is put on the list.
    fn take(&mut self, line: &Line<'_>) -> Result<(), Problem> {
        self.lines = self.lines.saturating_add(1);
        if self.control.is_some() {
            let message = "after the file's control nothing but lines of nines may stand";
            return if line.is_filler() {
                Ok(())
            } else {
                Err(line.problem("record type", ProblemCode::Format, message))
            };
        }
        let kind = line.at(1, 1);
        if self.addenda_due && kind != "7" {
            let message = "the entry before says that an addenda follows, and none does";
            return Err(line.problem("addenda indicator", ProblemCode::Format, message));
        }
        let out_of_place = || {
            let message = format!("a line of type {} may not stand here", shown(kind));
            line.problem("record type", ProblemCode::Format, message)
        };
        match (kind, self.file.is_some(), self.batch.is_some()) {
            ("1", false, _) => self.file = Some(header(line)?),
            (_, false, _) => {
                let message = "a NACHA file begins with a line of type 1, its header";
                return Err(line.problem("record type", ProblemCode::Format, message));
            }
            ("5", true, false) => self.batch = Some((self.batch_header(line)?, Sums::default())),
            ("6", true, true) => self.entry(line)?,
            ("7", true, true) if self.addenda_due => self.addenda(line)?,
            ("8", true, true) => self.batch_control(line)?,
            ("9", true, false) => self.file_control(line)?,
            _ => return Err(out_of_place()),
        }
        Ok(())
    }

    /// Compares what is stated with what was counted.
    fn compare(&mut self, line: &Line<'_>, field: &str, stated: Result<u64, Problem>, counted: u64) {
        match stated {
            Ok(stated) if stated == counted => {}
            Ok(stated) => {
                let message = format!("the control states {stated}; the lines before it give {counted}");
                self.problems.push(line.problem(field, ProblemCode::OutOfBalance, message));
            }
            Err(problem) => self.problems.push(problem),
        }
    }

    fn batch_header(&mut self, line: &Line<'_>) -> Result<AchBatch, Problem> {
        let word = line.at(2, 4);
        let class = ServiceClass::ALL.iter().copied().find(|class| class.as_str() == word).ok_or_else(|| {
            let message = format!("the service class {} is not one of 200, 220, 225", shown(word));
            line.problem("service class", ProblemCode::UnknownWord, message)
        })?;
        let word = line.at(51, 53);
        let kind = Kind::ALL.iter().copied().find(|kind| kind.as_str() == word).ok_or_else(|| {
            let message = format!("entries of the kind {} are not read; PPD and CCD are", shown(word));
            line.problem("standard entry class", ProblemCode::UnknownWord, message)
        })?;
        line.constant("originator status", 79, 79, "1")?;
        line.digits("originating bank", 80, 87)?;
        let number = line.digits("batch number", 88, 94)?;
        if number <= self.number {
            let message = format!("the batch's number {number} is not above the one before");
            self.problems.push(line.problem("batch number", ProblemCode::OutOfRange, message));
        }
        self.number = number;
        Ok(AchBatch {
            class,
            kind,
            company_name: line.word(5, 20),
            discretionary: line.word(21, 40),
            company_id: line.word(41, 50),
            description: line.word(54, 63),
            descriptive_date: line.word(64, 69),
            effective_on: line.day("effective date", 70, 75)?,
            bank: line.at(80, 87).to_owned(),
            entries: Vec::new(),
        })
    }

    fn entry(&mut self, line: &Line<'_>) -> Result<(), Problem> {
        let Some((batch, sums)) = &mut self.batch else { return Ok(()) };
        let word = line.at(2, 3);
        let transaction = Transaction::ALL.iter().copied().find(|code| code.as_str() == word).ok_or_else(|| {
            let message = format!("the transaction code {} is not one of an original entry", shown(word));
            line.problem("transaction code", ProblemCode::UnknownWord, message)
        })?;
        let cents = line.digits("amount", 30, 39)?;
        let bank = line.digits("receiving bank", 4, 11)?;
        let addenda = match line.at(79, 79) {
            "0" => false,
            "1" => true,
            other => {
                let message = format!("{} is neither 0 nor 1", shown(other));
                return Err(line.problem("addenda indicator", ProblemCode::UnknownWord, message));
            }
        };
        let trace = line.digits("trace number", 80, 94)?;
        let mut refuse = |field: &str, code: ProblemCode, message: String| {
            self.problems.push(line.problem(field, code, message));
        };
        if !is_routing_number(line.at(4, 12)) {
            let message = format!("{} is not a routing number: its check digit is wrong", shown(line.at(4, 12)));
            refuse("receiving bank", ProblemCode::Format, message);
        }
        if !batch.class.allows(transaction.is_credit()) {
            let message = format!("a batch {} does not hold entries {transaction}", batch.class);
            refuse("transaction code", ProblemCode::TypeMismatch, message);
        }
        if (cents == 0) != transaction.is_trial() {
            let message = format!("an entry {transaction} of {cents} cents; only a trial moves no money");
            refuse("amount", ProblemCode::OutOfRange, message);
        }
        if line.at(80, 87) != batch.bank {
            let message =
                format!("the trace number begins with {}, and the batch's bank is {}", line.at(80, 87), batch.bank);
            refuse("trace number", ProblemCode::TypeMismatch, message);
        }
        let trace = u32::try_from(trace % 10_000_000).unwrap_or_default();
        if batch.entries.last().is_some_and(|before| before.trace >= trace) {
            refuse("trace number", ProblemCode::OutOfRange, "the trace number does not ascend".to_owned());
        }
        if line.word(13, 29).is_empty() {
            refuse("account", ProblemCode::Required, "the account is empty".to_owned());
        }
        *sums = sums.plus(bank, cents, transaction.is_credit(), addenda).ok_or_else(|| {
            line.problem("amount", ProblemCode::OutOfRange, "the batch comes to more than a file can say")
        })?;
        self.addenda_due = addenda;
        batch.entries.push(AchEntry {
            line: line.number,
            transaction,
            routing: line.at(4, 12).to_owned(),
            account: line.word(13, 29),
            amount: dollars(cents),
            id: line.word(40, 54),
            name: line.word(55, 76),
            discretionary: line.word(77, 78),
            addenda: None,
            trace,
        });
        Ok(())
    }

    fn addenda(&mut self, line: &Line<'_>) -> Result<(), Problem> {
        if line.at(2, 3) != "05" {
            let message = format!("an addenda {} is not read; 05 is", shown(line.at(2, 3)));
            return Err(line.problem("addenda type", ProblemCode::UnknownWord, message));
        }
        self.addenda_due = false;
        let (sequence, trace) = (line.digits("addenda sequence", 84, 87)?, line.digits("trace number", 88, 94)?);
        let Some(entry) = self.batch.as_mut().and_then(|(batch, _)| batch.entries.last_mut()) else { return Ok(()) };
        if sequence != 1 || trace != u64::from(entry.trace) {
            let message = "the addenda does not name the entry before it, or is not its first";
            self.problems.push(line.problem("trace number", ProblemCode::TypeMismatch, message));
        }
        entry.addenda = Some(line.word(4, 83));
        Ok(())
    }

    fn batch_control(&mut self, line: &Line<'_>) -> Result<(), Problem> {
        let Some((batch, sums)) = self.batch.take() else { return Ok(()) };
        line.constant("service class", 2, 4, batch.class.as_str())?;
        self.compare(line, "entry and addenda count", line.digits("entry and addenda count", 5, 10), sums.count);
        self.compare(line, "entry hash", line.digits("entry hash", 11, 20), sums.short_hash());
        self.compare(line, "total debits", line.digits("total debits", 21, 32), sums.debits);
        self.compare(line, "total credits", line.digits("total credits", 33, 44), sums.credits);
        if line.word(45, 54) != batch.company_id || line.at(80, 87) != batch.bank {
            let message = "the control names another company or bank than the batch's header";
            self.problems.push(line.problem("company identification", ProblemCode::TypeMismatch, message));
        }
        let number = line.digits("batch number", 88, 94)?;
        if number != self.number {
            let message = format!("the control is that of batch {number}, and the header that of {}", self.number);
            self.problems.push(line.problem("batch number", ProblemCode::TypeMismatch, message));
        }
        if batch.entries.is_empty() {
            self.problems.push(line.problem("entries", ProblemCode::Required, "the batch holds no entry"));
        }
        let too_much =
            || line.problem("total debits", ProblemCode::OutOfRange, "the file comes to more than it can say");
        self.sums = self.sums.and(sums).ok_or_else(too_much)?;
        self.file.iter_mut().for_each(|file| file.batches.push(batch.clone()));
        Ok(())
    }

    fn file_control(&mut self, line: &Line<'_>) -> Result<(), Problem> {
        let batches = self.file.as_ref().map_or(0, |file| file.batches.len());
        let sums = self.sums;
        let batches = u64::try_from(batches).unwrap_or(u64::MAX);
        self.compare(line, "batch count", line.digits("batch count", 2, 7), batches);
        self.compare(line, "entry and addenda count", line.digits("entry and addenda count", 14, 21), sums.count);
        self.compare(line, "entry hash", line.digits("entry hash", 22, 31), sums.short_hash());
        self.compare(line, "total debits", line.digits("total debits", 32, 43), sums.debits);
        self.compare(line, "total credits", line.digits("total credits", 44, 55), sums.credits);
        if batches == 0 {
            self.problems.push(line.problem("batch count", ProblemCode::Required, "the file holds no batch"));
        }
        self.control = Some((line.number, line.digits("block count", 8, 13)?));
        Ok(())
    }

    fn finish(mut self) -> Result<AchFile, Problems> {
        let last = u64::try_from(self.lines).unwrap_or(u64::MAX);
        let cut_off = || Problem::new(last, ProblemCode::Format, "the file ends without its control; it is cut off");
        let (Some(file), Some((at, blocks))) = (self.file, self.control) else { return Err(cut_off().into()) };
        if !self.lines.is_multiple_of(BLOCK) {
            let message = format!("the file has {last} lines; lines of nines fill it up to a multiple of {BLOCK}");
            self.problems.push(Problem::new(last, ProblemCode::Format, message));
        }
        let counted = u64::try_from(self.lines.div_ceil(BLOCK)).unwrap_or(u64::MAX);
        if blocks != counted {
            let message = format!("the control states {blocks} blocks; the file has {counted}");
            self.problems.push(Problem::new(at, ProblemCode::OutOfBalance, message).in_column("block count"));
        }
        self.problems.or(file)
    }
}

fn header(line: &Line<'_>) -> Result<AchFile, Problem> {
    line.constant("priority code", 2, 3, "01")?;
    line.constant("record size", 35, 37, "094")?;
    line.constant("blocking factor", 38, 39, "10")?;
    line.constant("format code", 40, 40, "1")?;
    let created_on = line.day("creation date", 24, 29)?.ok_or_else(|| {
        line.problem("creation date", ProblemCode::Required, "the header does not say when the file was made")
    })?;
    let created_at = match line.at(30, 33) {
        "    " => None,
        time => {
            let (hour, minute) = (line.digits("creation time", 30, 31)?, line.digits("creation time", 32, 33)?);
            let time_of = |hour: u64, minute: u64| {
                NaiveTime::from_hms_opt(u32::try_from(hour).ok()?, u32::try_from(minute).ok()?, 0)
            };
            let message = || format!("{} is not a time written HHMM", shown(time));
            Some(time_of(hour, minute).ok_or_else(|| line.problem("creation time", ProblemCode::Date, message()))?)
        }
    };
    let modifier = line.at(34, 34).chars().next().unwrap_or(' ');
    if !(modifier.is_ascii_uppercase() || modifier.is_ascii_digit()) {
        let message = format!("{modifier:?} is not one capital letter or digit");
        return Err(line.problem("file modifier", ProblemCode::Format, message));
    }
    let destination = line.word(4, 13);
    // some senders fill the tenth place with a zero in front or behind
    let number = destination.get(..9).filter(|_| destination.len() >= 9).unwrap_or_default();
    let routing = if destination.len() == 10 && !is_routing_number(number) {
        destination.get(1..).unwrap_or_default()
    } else {
        number
    };
    if !is_routing_number(routing) {
        let message = format!("{} is not a routing number: nine digits, the last a check digit", shown(&destination));
        return Err(line.problem("immediate destination", ProblemCode::Format, message));
    }
    Ok(AchFile {
        destination: routing.to_owned(),
        origin: line.word(14, 23),
        created_on,
        created_at,
        modifier,
        destination_name: line.word(41, 63),
        origin_name: line.word(64, 86),
        reference: line.word(87, 94),
        batches: Vec::new(),
    })
}
