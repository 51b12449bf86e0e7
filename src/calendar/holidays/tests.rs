use chrono::Datelike;

use super::*;

fn days(region: &str, year: i32) -> Vec<String> {
    let region = Region::find(region).unwrap();
    let mut days: Vec<String> = region.year(year).iter().map(|day| day.date.format("%m-%d").to_string()).collect();
    days.dedup();
    days
}

/// What is published as closed besides weekends: without the weekends themselves.
fn weekdays(region: &str, year: i32) -> Vec<String> {
    let region = Region::find(region).unwrap();
    let holidays = region.year(year).into_iter().map(|day| day.date);
    let mut days: Vec<String> = holidays
        .filter(|day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun))
        .map(|day| day.format("%m-%d").to_string())
        .collect();
    days.dedup();
    days
}

#[test]
fn every_line_is_a_rule() {
    let unread: Vec<&str> = lines().filter(|line| Rule::parse(line).is_none()).collect();
    assert_eq!(unread, Vec::<&str>::new());
    assert!(RULES.len() > 100);
    for rule in RULES.iter() {
        assert!(rule.first <= rule.last, "{rule:?}");
        if let When::On(date) = rule.when {
            assert_eq!((rule.first, rule.last), (date.year(), date.year()), "{rule:?}");
        }
    }
    let codes: Vec<&str> = Region::all().iter().map(|region| region.code).collect();
    assert!(codes.contains(&"DE-BY") && codes.contains(&"GB-SCT") && codes.contains(&"US"));
    assert_eq!(codes.iter().filter(|code| code.starts_with("DE-") && code.len() == 5).count(), 16);
}

#[test]
fn easter_falls_where_it_is_known_to() {
    let known = [
        (1818, "03-22"),
        (1961, "04-02"),
        (1981, "04-19"),
        (2000, "04-23"),
        (2008, "03-23"),
        (2011, "04-24"),
        (2019, "04-21"),
        (2024, "03-31"),
        (2025, "04-20"),
        (2026, "04-05"),
        (2027, "03-28"),
        (2028, "04-16"),
        (2038, "04-25"),
        (2049, "04-18"),
        (2076, "04-19"),
    ];
    for (year, day) in known {
        assert_eq!(easter(year).unwrap().format("%m-%d").to_string(), day, "{year}");
    }
}

#[test]
fn germany_and_its_laender() {
    let nationwide = ["01-01", "04-03", "04-06", "05-01", "05-14", "05-25", "10-03", "12-25", "12-26"];
    assert_eq!(days("DE", 2026), nationwide);
    assert_eq!(days("DE", 2025), ["01-01", "04-18", "04-21", "05-01", "05-29", "06-09", "10-03", "12-25", "12-26"]);
    // How many days each Land had in 2026, Sundays of Brandenburg included.
    let counts = [
        ("DE-BW", 12),
        ("DE-BY", 12),
        ("DE-BY-KATH", 13),
        ("DE-BY-AUGSBURG", 14),
        ("DE-BE", 10),
        ("DE-BB", 12),
        ("DE-HB", 10),
        ("DE-HH", 10),
        ("DE-HE", 10),
        ("DE-MV", 11),
        ("DE-NI", 10),
        ("DE-NW", 11),
        ("DE-RP", 11),
        ("DE-SL", 12),
        ("DE-SN", 11),
        ("DE-ST", 11),
        ("DE-SH", 10),
        ("DE-TH", 11),
    ];
    for (land, count) in counts {
        assert_eq!(days(land, 2026).len(), count, "{land}");
    }
    assert!(days("DE-BE", 2025).contains(&"05-08".to_owned()) && !days("DE-BE", 2026).contains(&"05-08".to_owned()));
    assert!(days("DE-BE", 2020).contains(&"05-08".to_owned()) && !days("DE-BB", 2020).contains(&"05-08".to_owned()));
    assert!(days("DE-BE", 2028).contains(&"06-17".to_owned()));
    assert!(days("DE-NW", 2017).contains(&"10-31".to_owned()) && !days("DE-NW", 2018).contains(&"10-31".to_owned()));
    assert_eq!(days("DE-SN", 2017).iter().filter(|day| *day == "10-31").count(), 1);
    assert!(days("DE-HH", 2018).contains(&"10-31".to_owned()) && !days("DE-HH", 2016).contains(&"10-31".to_owned()));
    for (year, day) in [(2023, "11-22"), (2024, "11-20"), (2025, "11-19"), (2026, "11-18"), (2027, "11-17")] {
        assert!(days("DE-SN", year).contains(&day.to_owned()), "Buß- und Bettag {year}");
    }
    // Two on one day.
    let holidays = Region::find("DE").unwrap().year(2008);
    assert_eq!(holidays.iter().filter(|day| day.date.to_string() == "2008-05-01").count(), 2);
}

#[test]
fn austria_the_netherlands_and_france() {
    let austria = [
        "01-01", "01-06", "04-06", "05-01", "05-14", "05-25", "06-04", "08-15", "10-26", "11-01", "12-08", "12-25",
        "12-26",
    ];
    assert_eq!(days("AT", 2026), austria);
    assert_eq!(days("NL", 2026), ["01-01", "04-06", "04-27", "05-05", "05-14", "05-25", "12-25", "12-26"]);
    // King's Day on a Sunday goes to the Saturday before, as Queen's Day did.
    assert!(days("NL", 2025).contains(&"04-26".to_owned()) && !days("NL", 2025).contains(&"04-27".to_owned()));
    assert!(days("NL", 2014).contains(&"04-26".to_owned()) && days("NL", 2006).contains(&"04-29".to_owned()));
    let france = ["01-01", "04-06", "05-01", "05-08", "05-14", "05-25", "07-14", "08-15", "11-01", "11-11", "12-25"];
    assert_eq!(days("FR", 2026), france);
    assert_eq!(days("FR-67", 2026).len(), 13);
}

#[test]
fn switzerland_and_its_cantons() {
    assert_eq!(days("CH", 2026), ["01-01", "05-14", "08-01", "12-25"]);
    assert_eq!(days("CH", 2005), ["08-01"]);
    let zurich = ["01-01", "04-03", "04-06", "05-01", "05-14", "05-25", "08-01", "12-25", "12-26"];
    assert_eq!(days("CH-ZH", 2026), zurich);
    let ticino = [
        "01-01", "01-06", "03-19", "04-06", "05-01", "05-14", "05-25", "06-04", "06-29", "08-01", "08-15", "11-01",
        "12-08", "12-25", "12-26",
    ];
    assert_eq!(days("CH-TI", 2026), ticino);
    let geneva = ["01-01", "04-03", "04-06", "05-14", "05-25", "08-01", "09-10", "12-25", "12-31"];
    assert_eq!(days("CH-GE", 2026), geneva);
    let codes = Region::all().iter().filter(|region| region.code.starts_with("CH-"));
    assert_eq!(codes.count(), 26);
    // The Thursday behind the first Sunday of September, and the Monday behind the third.
    for (year, fast, monday) in [(2023, "09-07", "09-18"), (2024, "09-05", "09-16"), (2029, "09-06", "09-17")] {
        assert!(days("CH-GE", year).contains(&fast.to_owned()), "{year}");
        assert!(days("CH-VD", year).contains(&monday.to_owned()), "{year}");
    }
    // Not in Holy Week: in 2015 and 2026 a week later.
    for (year, day) in [(2015, "04-09"), (2023, "04-13"), (2024, "04-04"), (2025, "04-03"), (2026, "04-09")] {
        assert!(days("CH-GL", year).contains(&day.to_owned()), "{year}");
    }
    // Saint Stephen's Day between a Sunday and a day of work is none in some cantons, and elsewhere one only behind a Sunday.
    let stephen = |region: &str, year: i32| days(region, year).contains(&"12-26".to_owned());
    assert!(!stephen("CH-AR", 2023) && !stephen("CH-AR", 2020) && stephen("CH-AR", 2024) && stephen("CH-ZH", 2023));
    assert!(stephen("CH-NE", 2022) && !stephen("CH-NE", 2023));
    assert!(days("CH-NE", 2023).contains(&"01-02".to_owned()) && !days("CH-NE", 2024).contains(&"01-02".to_owned()));
}

/// As gov.uk publishes them.
#[test]
fn the_united_kingdom_and_its_substitute_days() {
    assert_eq!(weekdays("GB-EAW", 2025), ["01-01", "04-18", "04-21", "05-05", "05-26", "08-25", "12-25", "12-26"]);
    assert_eq!(weekdays("GB-EAW", 2026), ["01-01", "04-03", "04-06", "05-04", "05-25", "08-31", "12-25", "12-28"]);
    assert_eq!(weekdays("GB-EAW", 2027), ["01-01", "03-26", "03-29", "05-03", "05-31", "08-30", "12-27", "12-28"]);
    assert_eq!(
        weekdays("GB-EAW", 2022),
        ["01-03", "04-15", "04-18", "05-02", "06-02", "06-03", "08-29", "09-19", "12-26", "12-27"]
    );
    assert_eq!(
        weekdays("GB-EAW", 2023),
        ["01-02", "04-07", "04-10", "05-01", "05-08", "05-29", "08-28", "12-25", "12-26"]
    );
    assert_eq!(weekdays("GB-EAW", 2020), ["01-01", "04-10", "04-13", "05-08", "05-25", "08-31", "12-25", "12-28"]);
    assert_eq!(
        weekdays("GB-EAW", 2012),
        ["01-02", "04-06", "04-09", "05-07", "06-04", "06-05", "08-27", "12-25", "12-26"]
    );
    assert_eq!(
        weekdays("GB-SCT", 2022),
        ["01-03", "01-04", "04-15", "05-02", "06-02", "06-03", "08-01", "09-19", "11-30", "12-26", "12-27"]
    );
    assert_eq!(
        weekdays("GB-SCT", 2025),
        ["01-01", "01-02", "04-18", "05-05", "05-26", "08-04", "12-01", "12-25", "12-26"]
    );
    assert_eq!(
        weekdays("GB-NIR", 2025),
        ["01-01", "03-17", "04-18", "04-21", "05-05", "05-26", "07-14", "08-25", "12-25", "12-26"]
    );
    assert_eq!(
        weekdays("GB-NIR", 2024),
        ["01-01", "03-18", "03-29", "04-01", "05-06", "05-27", "07-12", "08-26", "12-25", "12-26"]
    );
}

/// As the Office of Personnel Management publishes them.
#[test]
fn the_united_states_and_their_observed_days() {
    assert_eq!(
        weekdays("US", 2025),
        ["01-01", "01-20", "02-17", "05-26", "06-19", "07-04", "09-01", "10-13", "11-11", "11-27", "12-25"]
    );
    assert_eq!(
        weekdays("US", 2026),
        ["01-01", "01-19", "02-16", "05-25", "06-19", "07-03", "09-07", "10-12", "11-11", "11-26", "12-25"]
    );
    // New Year's Day of 2022 was observed on the last day of 2021.
    assert_eq!(
        weekdays("US", 2021),
        ["01-01", "01-18", "02-15", "05-31", "06-18", "07-05", "09-06", "10-11", "11-11", "11-25", "12-24", "12-31"]
    );
    assert_eq!(
        weekdays("US", 2022),
        ["01-17", "02-21", "05-30", "06-20", "07-04", "09-05", "10-10", "11-11", "11-24", "12-26"]
    );
    assert_eq!(days("US", 2020).len(), 11);
}
