use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Vec<ChartAccount>, Problems> {
    parse(text.as_bytes(), &Dialect::default())
}

fn wrong(text: &str) -> Vec<(u64, String, ProblemCode)> {
    read(text).unwrap_err().into_iter().map(|p| (p.line, p.column.unwrap_or_default(), p.code)).collect()
}

#[test]
fn parents_come_first() {
    let chart = read(
        "code;name;type;parent;group;control;currency;statement_line\n\
         0800;Bank;asset;A;no;bank;EUR;Cash\n\
         A;Assets;Asset;;yes;;;\n\
         L;Liabilities;liability;;YES;;;\n\
         1700;VAT 19 %;liability;L;;Output Tax;;Taxes\n",
    )
    .unwrap();
    let codes: Vec<&str> = chart.iter().map(|account| account.code.as_str()).collect();
    assert_eq!(codes, ["A", "0800", "L", "1700"]);
    let bank = &chart[1];
    assert_eq!((bank.line, bank.control, bank.currency.as_deref()), (2, Some(Control::Bank), Some("EUR")));
    assert_eq!(chart[3].control, Some(Control::OutputTax));
    assert_eq!(bank.statement_line.as_deref(), Some("Cash"));
}

#[test]
fn every_bad_field_is_named() {
    assert_eq!(
        wrong("code,name,type,group,control,currency\n,X,asset,,,\n1,,assets,maybe,cash,eur\n2,=X,,yes,,\n"),
        [
            (2, "code".into(), ProblemCode::Required),
            (3, "name".into(), ProblemCode::Required),
            (3, "type".into(), ProblemCode::UnknownWord),
            (3, "group".into(), ProblemCode::UnknownWord),
            (3, "control".into(), ProblemCode::UnknownWord),
            (3, "currency".into(), ProblemCode::Currency),
            (4, "name".into(), ProblemCode::Formula),
            (4, "type".into(), ProblemCode::Required),
        ]
    );
    assert_eq!(wrong("code,name,type\n"), [(1, String::new(), ProblemCode::Empty)]);
}

#[test]
fn accounts_fit_their_parents() {
    assert_eq!(
        wrong(
            "code,name,type,parent,group\n1,A,asset,9,no\n2,B,asset,1,no\n3,C,equity,,yes\n4,D,income,3,no\n4,E,equity,3,no\n"
        ),
        [
            (2, "parent".into(), ProblemCode::UnknownParent),
            (3, "parent".into(), ProblemCode::ParentNotGroup),
            (5, "parent".into(), ProblemCode::TypeMismatch),
            (6, "code".into(), ProblemCode::Duplicate),
        ]
    );
}

#[test]
fn roles_fit_their_types() {
    assert_eq!(
        wrong("code,name,type,group,control\n1,A,asset,yes,bank\n2,B,asset,no,payable\n"),
        [(2, "control".into(), ProblemCode::TypeMismatch), (3, "control".into(), ProblemCode::TypeMismatch)]
    );
    assert_eq!(
        wrong("code,name,type,control\n1,A,equity,retained_earnings\n2,B,equity,retained_earnings\n"),
        [(3, "control".into(), ProblemCode::Duplicate)]
    );
}

#[test]
fn cycles_are_named_once() {
    let problems = read(
        "code,name,type,parent,group\n9,Leaf,asset,1,no\n1,A,asset,2,yes\n2,B,asset,3,yes\n3,C,asset,1,yes\n7,Own,asset,7,yes\n",
    )
    .unwrap_err();
    let found: Vec<String> = problems.iter().map(|problem| problem.message.clone()).collect();
    assert_eq!(found, ["accounts are their own parents: 1 → 2 → 3 → 1", "accounts are their own parents: 7 → 7"]);
}

#[test]
fn a_deep_chart_is_no_problem() {
    let mut text = "code,name,type,parent,group\n".to_owned();
    for code in (0..50_000).rev() {
        let parent = if code == 0 { String::new() } else { (code - 1).to_string() };
        text.push_str(&format!("{code},x,asset,{parent},yes\n"));
    }
    let chart = read(&text).unwrap();
    assert_eq!((chart.len(), chart[49_999].code.as_str()), (50_000, "49999"));
    let ring = text.replace("\n0,x,asset,,yes", "\n0,x,asset,49999,yes");
    assert!(read(&ring).unwrap_err().iter().all(|problem| problem.message.len() < 200));
}

proptest! {
    #[test]
    fn any_tree_comes_out_parents_first(parents in prop::collection::vec(0_usize..1000, 1..60), seed in any::<u64>()) {
        let mut lines: Vec<String> = parents.iter().enumerate().map(|(code, parent)| {
            let parent = if code == 0 || parent % 5 == 0 { String::new() } else { (parent % code).to_string() };
            format!("{code},x,asset,{parent},yes")
        }).collect();
        let turn = usize::try_from(seed % 59).unwrap() % lines.len();
        lines.rotate_left(turn);
        let chart = read(&format!("code,name,type,parent,group\n{}", lines.join("\n"))).unwrap();
        prop_assert_eq!(chart.len(), parents.len());
        let mut seen = HashSet::new();
        for account in &chart {
            prop_assert!(account.parent.as_ref().is_none_or(|parent| seen.contains(parent)));
            seen.insert(account.code.clone());
        }
    }

    #[test]
    fn any_text_is_survived(text in "(code|name|type|asset|[,;\"\n\r=]|\\PC){0,60}") {
        let _ = read(&text);
        let _ = read(&format!("code,name,type,parent,group,control\n{text}"));
    }
}
