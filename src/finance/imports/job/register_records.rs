//! Records of a register from a file: every line is read and held against the others and against what is there. All of them
//! go in in one transaction or none does; or the good ones go in by batches, each of which keeps how far it has come and what
//! was wrong so far. A line that has come in before adds nothing, so neither does the same file again.

use std::collections::{BTreeMap, HashMap, HashSet};

use backoffice_formats::Dialect;
use backoffice_formats::limits::MAX_PROBLEMS;
use backoffice_formats::register_csv::{self, Wanted, Writes};
use backoffice_register_rules::{Fault, FaultCode, Kind, Reader, Values};

use super::*;
use crate::finance::imports::problem::FileErrorCode;
use crate::registers::intake::{A_STATEMENT as AT_ONCE, Entry, Seen, fingerprint, insert, known, taken};
use crate::registers::register::held;

/// A line that is good by itself.
struct Good {
    line: u64,
    values: Values,
    fingerprint: String,
}

/// A file as the register's definition has it.
struct Read {
    good: Vec<Good>,
    total: usize,
    errors: FileErrors,
}

/// What was wrong with a line, as it is kept between batches.
#[derive(Serialize, Deserialize, Clone, Debug)]
struct Wrong {
    line: i32,
    column: Option<String>,
    code: String,
    message: String,
}

/// How far good ones have come.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
struct Come {
    /// Good lines that were looked at.
    done: usize,
    /// How many of them were entered.
    created: usize,
    /// How many had come in before.
    unchanged: usize,
    /// What was wrong with others, as far as it is listed.
    wrong: Vec<Wrong>,
}

/// What became of some lines.
#[derive(Default)]
struct Batch {
    created: usize,
    unchanged: usize,
    errors: FileErrors,
}

fn wanted(register: &Register) -> Vec<Wanted> {
    let column = |field: &backoffice_register_rules::Field| Wanted {
        name: field.key.clone(),
        writes: match field.kind {
            Kind::Number => Writes::Number(usize::try_from(field.decimals.unwrap_or_default()).unwrap_or_default()),
            Kind::Date => Writes::Date,
            Kind::Text | Kind::Boolean | Kind::Choice => Writes::Text,
        },
        required: field.required,
    };
    register.definition().fields.iter().map(column).collect()
}

fn code(fault: &Fault) -> FileErrorCode {
    match fault.code {
        FaultCode::Required => FileErrorCode::Required,
        FaultCode::Twice => FileErrorCode::DuplicateColumn,
        FaultCode::Unknown => FileErrorCode::UnknownColumn,
        FaultCode::Invalid => FileErrorCode::Invalid,
    }
}

/// Reads a file by a register's definition; files that are none of its are refused as a whole.
fn read(bytes: &[u8], dialect: &Dialect, register: &Register) -> Result<std::result::Result<Read, FileErrors>> {
    let columns = wanted(register);
    let file = match register_csv::parse(bytes, dialect, &columns) {
        Ok(file) => file,
        Err(problems) => return Ok(Err(problems.into())),
    };
    let mut errors = FileErrors::from(file.problems);
    let reader = Reader::new(register.definition());
    let (mut seen, mut twins) = (Seen::default(), HashMap::new());
    let mut good = Vec::with_capacity(file.lines.len());
    for line in file.lines {
        let said = columns.iter().map(|column| column.name.as_str()).zip(line.cells.iter().map(Option::as_deref));
        let values = match reader.read(said) {
            Ok(values) => values,
            Err(faults) => {
                for fault in faults {
                    errors.push(line.line, Some(&fault.field), code(&fault), fault.message);
                }
                continue;
            }
        };
        let fingerprint = fingerprint(&values)?;
        let first = *twins.entry(fingerprint.clone()).or_insert(line.line);
        if first != line.line {
            let message = format!("Line {first} says exactly the same.");
            errors.push(line.line, None, FileErrorCode::Duplicate, message);
            continue;
        }
        let again = seen.note(register, &values, line.line);
        for (parts, first) in &again {
            let message = format!("Line {first} says the same in {}.", parts.join(", "));
            errors.push(line.line, parts.first().map(String::as_str), FileErrorCode::Duplicate, message);
        }
        if again.is_empty() {
            good.push(Good { line: line.line, values, fingerprint });
        }
    }
    errors.listed.sort_by_key(|error| error.line);
    Ok(Ok(Read { good, total: file.total, errors }))
}

/// Enters those of some lines that are not there. One whose key a record holds that says the same is there; one that says
/// something else is wrong.
async fn put(tx: &Tx, register: &Register, lines: &[Good]) -> Result<Batch> {
    let mut batch = Batch::default();
    let there: HashSet<String> =
        known(tx, register, lines.iter().map(|line| line.fingerprint.clone()).collect()).await?.into_iter().collect();
    let fresh: Vec<&Good> = lines.iter().filter(|line| !there.contains(&line.fingerprint)).collect();
    batch.unchanged = lines.len().saturating_sub(fresh.len());
    let values: Vec<&Values> = fresh.iter().map(|line| &line.values).collect();
    // By line: whether a record says otherwise somewhere.
    let mut colliding: BTreeMap<usize, bool> = BTreeMap::new();
    for one in taken(tx, register, &values, None).await? {
        let Some(line) = fresh.get(one.at) else { continue };
        // What a line leaves empty it does not say.
        let differing = line.values.iter().find(|(key, value)| one.values.get(*key) != Some(*value));
        let told = colliding.entry(one.at).or_default();
        if let Some((key, _)) = differing
            && !*told
        {
            *told = true;
            let message = format!(
                "A record says the same in {} and something else here; change it there or take the line out.",
                one.parts.join(", ")
            );
            batch.errors.push(line.line, Some(key), FileErrorCode::Differs, message);
        }
    }
    batch.unchanged = batch.unchanged.saturating_add(colliding.values().filter(|differs| !**differs).count());
    let entries: Vec<Entry> = fresh
        .iter()
        .enumerate()
        .filter(|(at, _)| !colliding.contains_key(at))
        .map(|(_, line)| Entry { values: line.values.clone(), imported_as: Some(line.fingerprint.clone()) })
        .collect();
    batch.created = insert(tx, register, &entries).await?.len();
    Ok(batch)
}

impl From<FileError> for Wrong {
    fn from(error: FileError) -> Self {
        let Problem { line, column, code, message } = problem(error);
        Self { line, column, code, message }
    }
}

impl From<Wrong> for Problem {
    fn from(wrong: Wrong) -> Self {
        let Wrong { line, column, code, message } = wrong;
        Self { line, column, code, message }
    }
}

impl Run<'_> {
    /// The register as it was when its file was read, held until the transaction ends.
    async fn register(&self, tx: &Tx, edition: Option<i32>) -> Result<Register> {
        let id = self.input.register.ok_or_else(|| Error::fault("an import was asked for without its register"))?;
        let register = held(tx, id, "register").await?;
        // Read by another definition, its lines are read again.
        if edition.is_some_and(|edition| edition != register.edition) { Err(Error::Retry) } else { Ok(register) }
    }

    /// Records of a register, as the mode says.
    pub(super) async fn records(&self, file: File) -> JobResult {
        let File { name, bytes, sha256, dialect, .. } = file;
        let tx = self.tx().await?;
        let register = self.register(&tx, None).await;
        tx.finish(false).await?;
        let register = register?;
        let edition = register.edition;
        let read =
            tokio::task::spawn_blocking(move || read(&bytes, &dialect, &register)).await.map_err(Error::fault)?;
        let read = match read? {
            Ok(read) => read,
            Err(errors) => return Err(self.refuse(errors, State::default()).await),
        };
        self.job.is_prepared();
        match self.input.mode.unwrap_or_default() {
            RegisterEntryMode::AllOrNothing => self.all_records(read, edition, name, sha256).await,
            RegisterEntryMode::GoodOnes => self.good_records(read, edition, name, sha256).await,
        }
    }

    async fn all_records(&self, read: Read, edition: i32, name: String, sha256: String) -> JobResult {
        if !read.errors.is_empty() {
            return Err(self.refuse(read.errors, State::default()).await);
        }
        let tx = self.tx().await?;
        let put_all = async {
            let register = self.register(&tx, Some(edition)).await?;
            let mut all = Batch::default();
            for some in read.good.chunks(AT_ONCE) {
                let batch = put(&tx, &register, some).await?;
                all.created = all.created.saturating_add(batch.created);
                all.unchanged = all.unchanged.saturating_add(batch.unchanged);
                all.errors.append(batch.errors);
            }
            Ok::<Batch, Error>(all)
        };
        let all = match put_all.await {
            Ok(all) if all.errors.is_empty() => all,
            Ok(all) => {
                tx.finish(false).await?;
                return Err(self.refuse(all.errors, State::default()).await);
            }
            Err(error) => {
                tx.finish(false).await?;
                return Err(error.into());
            }
        };
        let state = State { compared: true, done: read.total, created: all.created };
        if self.input.dry_run {
            undo(tx).await?;
            return self.job.finish(self.tx().await?, &state.told(true, None), state.progress(read.total)).await;
        }
        let kind = ImportKind::RegisterRecords;
        let import = record(&tx, kind, name, sha256, all.created, all.unchanged).await?;
        self.job.finish(tx, &state.told(false, Some(import.id.to_string())), state.progress(read.total)).await
    }

    async fn good_records(&self, read: Read, edition: i32, name: String, sha256: String) -> JobResult {
        let mut come: Come = self.job.state()?;
        let dry_run = self.input.dry_run;
        let by_itself = read.errors;
        let bad_by_itself = read.total.saturating_sub(read.good.len());
        let progress = |come: &Come| {
            State { done: come.done.saturating_add(bad_by_itself), ..State::default() }.progress(read.total)
        };
        while come.done < read.good.len() {
            let batch: &[Good] = read.good.get(come.done..).unwrap_or_default();
            let batch = batch.get(..AT_ONCE).unwrap_or(batch);
            let tx = self.tx().await?;
            let put_some = async {
                let register = self.register(&tx, Some(edition)).await?;
                put(&tx, &register, batch).await
            };
            let some = match put_some.await {
                Ok(some) => some,
                Err(error) => {
                    tx.finish(false).await?;
                    return Err(error.into());
                }
            };
            come.done = come.done.saturating_add(batch.len());
            come.created = come.created.saturating_add(some.created);
            come.unchanged = come.unchanged.saturating_add(some.unchanged);
            let room = MAX_PROBLEMS.saturating_sub(come.wrong.len());
            come.wrong.extend(some.errors.listed.into_iter().take(room).map(Wrong::from));
            if dry_run {
                undo(tx).await?;
                self.job.note(progress(&come), &self.rights).await?;
            } else {
                self.job.checkpoint(tx, &come, progress(&come)).await?;
            }
        }
        let left_out = read.total.saturating_sub(come.created).saturating_sub(come.unchanged);
        let mut wrong: Vec<Wrong> = by_itself.listed.into_iter().map(Wrong::from).chain(come.wrong.clone()).collect();
        wrong.sort_by_key(|one| one.line);
        let beyond = u64::try_from(wrong.len().saturating_sub(MAX_PROBLEMS)).unwrap_or_default();
        wrong.truncate(MAX_PROBLEMS);
        let problems: Vec<Problem> = wrong.into_iter().map(Problem::from).collect();
        // Before the end: whoever has to end it again lists them again.
        self.job.list_problems(self.tx().await?, &problems).await?;
        let mut told = Imported {
            id: None,
            dry_run,
            lines: read.total,
            created: come.created,
            unchanged: come.unchanged,
            left_out,
            problems: problems.len(),
            more_problems: by_itself.more.saturating_add(beyond),
        };
        let tx = self.tx().await?;
        if !dry_run {
            let kind = ImportKind::RegisterRecords;
            told.id = Some(record(&tx, kind, name, sha256, come.created, come.unchanged).await?.id.to_string());
        }
        self.job.finish(tx, &told, progress(&come)).await
    }
}
