//! Whatever the lines, the document adds up.

use proptest::prelude::*;

use super::*;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn line(quantity: &str, price: &str, discount: &str, key: u128, percent: &str) -> LineInput<u128> {
    LineInput {
        quantity: dec(quantity),
        unit_price: dec(price),
        discount_percent: dec(discount),
        taxes: vec![TaxKey { key, percent: dec(percent) }],
    }
}

fn of(lines: &[LineInput<u128>], discount: &str, method: RoundingMethod) -> Totals<u128> {
    totals(lines, dec(discount), Prices::Net, method, 2).unwrap()
}

#[test]
fn the_two_methods_differ_by_a_cent() {
    let lines = [line("16", "348.35", "4", 1, "22")];
    let document = of(&lines, "0", RoundingMethod::ByDocument);
    assert_eq!((document.net, document.tax, document.gross), (dec("5350.66"), dec("1177.14"), dec("6527.80")));
    let by_line = of(&lines, "0", RoundingMethod::ByLine);
    assert_eq!((by_line.net, by_line.tax, by_line.gross), (dec("5350.66"), dec("1177.15"), dec("6527.81")));
}

#[test]
fn a_discount_on_the_document_is_the_same_discount() {
    let lines = [line("16", "348.35", "0", 1, "22")];
    let document = of(&lines, "4", RoundingMethod::ByDocument);
    assert_eq!(document.gross, dec("6527.80"));
    assert_eq!(document.document_discount, dec("222.94"));
    assert_eq!(document.net + document.document_discount, dec("5573.60"));
    assert_eq!(of(&lines, "4", RoundingMethod::ByLine).gross, dec("6527.81"));
}

#[test]
fn sixteen_single_lines_round_sixteen_times_by_line_only() {
    let lines = vec![line("1", "348.35", "4", 1, "22"); 16];
    let document = of(&lines, "0", RoundingMethod::ByDocument);
    assert_eq!(document.gross, dec("6527.80"));
    // 334.416 each: ten lines at 334.42 and the six that keep Σ = 5,350.66 at 334.41
    assert_eq!(document.lines.iter().filter(|line| line.net == dec("334.42")).count(), 10);
    assert_eq!(of(&lines, "0", RoundingMethod::ByLine).gross, dec("6527.84"));
}

#[test]
fn categories_are_kept_apart_by_key_and_rate() {
    let lines = [
        line("1", "100", "0", 2, "7"),
        line("2", "50", "0", 1, "19"),
        line("1", "10", "0", 2, "7.00"),
        line("1", "10", "0", 2, "0"),
        line("-1", "20", "0", 1, "19"),
    ];
    for method in [RoundingMethod::ByDocument, RoundingMethod::ByLine] {
        let totals = of(&lines, "0", method);
        let taxes: Vec<_> = totals.taxes.iter().map(|tax| (tax.key, tax.percent, tax.base, tax.tax)).collect();
        let expected = [
            (1, dec("19"), dec("80"), dec("15.20")),
            (2, dec("0"), dec("10"), dec("0")),
            (2, dec("7"), dec("110"), dec("7.70")),
        ];
        assert_eq!(taxes, expected);
        assert_eq!((totals.net, totals.tax, totals.gross), (dec("200"), dec("22.90"), dec("222.90")));
    }
}

#[test]
fn taxes_inside_a_price() {
    let mut two = line("1", "24900.00", "0", 1, "14");
    two.taxes.push(TaxKey { key: 2, percent: dec("14") });
    let including = |lines: &[LineInput<u128>], method| totals(lines, dec("0"), Prices::IncludeTax, method, 2).unwrap();
    for method in [RoundingMethod::ByDocument, RoundingMethod::ByLine] {
        let whole = including(&[two.clone()], method);
        assert_eq!((whole.net, whole.tax, whole.gross), (dec("19453.12"), dec("5446.88"), dec("24900.00")));
        assert_eq!(whole.lines[0].taxes, [dec("2723.44"), dec("2723.44")]);
        assert!(whole.taxes.iter().all(|tax| tax.base == dec("19453.12") && tax.tax == dec("2723.44")));
    }
    // Three at 0.99 with 19 %: 0.158 each, 0.474 together.
    let lines = vec![line("1", "0.99", "0", 1, "19"); 3];
    let once = including(&lines, RoundingMethod::ByDocument);
    assert_eq!((once.net, once.tax, once.gross), (dec("2.50"), dec("0.47"), dec("2.97")));
    let each = including(&lines, RoundingMethod::ByLine);
    assert_eq!((each.net, each.tax, each.gross), (dec("2.49"), dec("0.48"), dec("2.97")));
    // Two taxes on top of a net price.
    two.unit_price = dec("100.05");
    let net = totals(&[two], dec("10"), Prices::Net, RoundingMethod::ByLine, 2).unwrap();
    assert_eq!((net.net, net.tax, net.document_discount), (dec("90.05"), dec("25.22"), dec("10.00")));
}

#[test]
fn free_lines_stay_free() {
    let mut lines = vec![line("1", "0.005", "0", 1, "20"); 3];
    lines.push(line("5", "0", "0", 1, "20"));
    lines.push(line("5", "9.99", "100", 1, "20"));
    let totals = of(&lines, "0", RoundingMethod::ByDocument);
    assert_eq!(totals.net, dec("0.02"));
    assert!(totals.lines[3..].iter().all(|line| line.net.is_zero() && line.tax.is_zero()));
}

#[test]
fn nothing_totals_nothing() {
    let totals = of(&[], "10", RoundingMethod::ByDocument);
    assert_eq!((totals.net, totals.gross, totals.taxes.len()), (Decimal::ZERO, Decimal::ZERO, 0));
}

#[test]
fn currencies_without_or_with_more_decimals() {
    let lines = [line("3", "333.5", "0", 1, "10")];
    let yen = totals(&lines, dec("0"), Prices::Net, RoundingMethod::ByDocument, 0).unwrap();
    assert_eq!((yen.net, yen.tax, yen.gross), (dec("1001"), dec("100"), dec("1101")));
    let dinar = totals(&lines, dec("0"), Prices::Net, RoundingMethod::ByLine, 3).unwrap();
    assert_eq!(dinar.gross, dec("1100.550"));
}

#[test]
fn impossible_lines_are_named() {
    let bad =
        |lines: &[LineInput<u128>]| totals(lines, dec("0"), Prices::Net, RoundingMethod::ByDocument, 2).unwrap_err();
    let good = line("1", "1", "0", 1, "22");
    assert_eq!(
        bad(&[good.clone(), line("1", "1", "100.01", 1, "22")]),
        MoneyError::PercentOutOfRange { percent: dec("100.01") }.at(1)
    );
    assert_eq!(bad(&[line("1", "1", "0", 1, "-1")]), MoneyError::PercentOutOfRange { percent: dec("-1") }.at(0));
    assert_eq!(bad(&[line("999999999999999", "999999999999999", "0", 1, "0")]), MoneyError::Overflow.at(0));
    let most = line("1", "999999999999999", "0", 1, "22");
    assert_eq!(bad(&[most.clone(), most]), MoneyError::Overflow);
    assert!(totals(&[good], dec("101"), Prices::Net, RoundingMethod::ByLine, 2).is_err());
}

fn lines() -> impl Strategy<Value = Vec<LineInput<u128>>> {
    let line = (-10_000i64..=10_000, 0u32..=3, 0i64..=10_000_000, 0u32..=4, 0i64..=1_000, 0u128..4).prop_map(
        |(quantity, quantity_scale, price, price_scale, discount, key)| LineInput {
            quantity: Decimal::new(quantity, quantity_scale),
            unit_price: Decimal::new(price, price_scale),
            discount_percent: Decimal::new(discount, 1),
            taxes: vec![TaxKey { key, percent: [dec("0"), dec("7"), dec("19"), dec("20.125")][key as usize] }],
        },
    );
    prop::collection::vec(line, 0..40)
}

proptest! {
    #[test]
    fn the_document_adds_up(lines in lines(), discount in 0i64..=1_000, exponent in 0u32..=4) {
        let discount = Decimal::new(discount, 1);
        for method in [RoundingMethod::ByDocument, RoundingMethod::ByLine] {
            let totals = totals(&lines, discount, Prices::Net, method, exponent).unwrap();
            prop_assert_eq!(totals.lines.len(), lines.len());
            prop_assert_eq!(totals.lines.iter().map(|line| line.net).sum::<Decimal>(), totals.net);
            prop_assert_eq!(totals.lines.iter().map(|line| line.tax).sum::<Decimal>(), totals.tax);
            prop_assert_eq!(totals.taxes.iter().map(|tax| tax.base).sum::<Decimal>(), totals.net);
            prop_assert_eq!(totals.taxes.iter().map(|tax| tax.tax).sum::<Decimal>(), totals.tax);
            prop_assert_eq!(totals.net + totals.tax, totals.gross);
            let unit = Decimal::new(1, exponent);
            for (line, input) in totals.lines.iter().zip(&lines) {
                let hundred = Decimal::ONE_HUNDRED;
                let exact = input.quantity * input.unit_price
                    * (hundred - input.discount_percent) / hundred * (hundred - discount) / hundred;
                prop_assert!((line.net - exact).abs() < unit + unit);
                prop_assert!((line.net * (Decimal::ONE / unit)).is_integer());
            }
            if discount.is_zero() {
                prop_assert!(totals.document_discount.is_zero());
            }
        }
    }

    #[test]
    fn prices_with_taxes_are_paid_as_they_stand(mut lines in lines(), second in any::<bool>(), discount in 0i64..=1_000) {
        if second {
            lines.iter_mut().step_by(2).for_each(|line| line.taxes.push(TaxKey { key: 9, percent: dec("9.975") }));
        }
        let discount = Decimal::new(discount, 1);
        for method in [RoundingMethod::ByDocument, RoundingMethod::ByLine] {
            let totals = totals(&lines, discount, Prices::IncludeTax, method, 2).unwrap();
            prop_assert_eq!(totals.net + totals.tax, totals.gross);
            prop_assert_eq!(totals.lines.iter().map(|line| line.net + line.tax).sum::<Decimal>(), totals.gross);
            prop_assert_eq!(totals.taxes.iter().map(|tax| tax.tax).sum::<Decimal>(), totals.tax);
            for (line, input) in totals.lines.iter().zip(&lines) {
                prop_assert_eq!(line.taxes.iter().sum::<Decimal>(), line.tax);
                if discount.is_zero() && method == RoundingMethod::ByLine {
                    let percents: Vec<Decimal> = input.taxes.iter().map(|tax| tax.percent).collect();
                    let apart = crate::extract_inclusive(line.net + line.tax, &percents, 2).unwrap();
                    prop_assert_eq!((apart.net, &apart.taxes), (line.net, &line.taxes));
                }
            }
        }
    }

    #[test]
    fn by_document_each_category_is_rounded_once(lines in lines()) {
        // an independent computation in whole numbers: quantity, price, discount and rate at 3 + 4 + 3 + 5 decimals
        let totals = totals(&lines, Decimal::ZERO, Prices::Net, RoundingMethod::ByDocument, 2).unwrap();
        for total in &totals.taxes {
            let exact: i128 = lines.iter().filter(|line| line.taxes[0].key == total.key).map(|line| {
                let whole = |value: Decimal, scale: u32| { let mut value = value; value.rescale(scale); value.mantissa() };
                whole(line.quantity, 3) * whole(line.unit_price, 4) * (1_000 - whole(line.discount_percent, 1))
            }).sum();
            let mut percent = total.percent;
            percent.rescale(3);
            let half_up = |value: i128, by: i128| (value.abs() + by / 2) / by * value.signum();
            prop_assert_eq!(total.base, Decimal::from_i128_with_scale(half_up(exact, 10i128.pow(8)), 2));
            prop_assert_eq!(total.tax, Decimal::from_i128_with_scale(half_up(exact * percent.mantissa(), 10i128.pow(13)), 2));
        }
    }

    #[test]
    fn any_input_is_answered(parts in prop::collection::vec((any::<i64>(), any::<i64>(), any::<i64>(), any::<i64>(), 0u32..=28), 0..4), discount in any::<i64>(), exponent in any::<u32>()) {
        let lines: Vec<LineInput<()>> = parts.into_iter().map(|(quantity, price, discount, percent, scale)| LineInput {
            quantity: Decimal::new(quantity, scale),
            unit_price: Decimal::new(price, 28 - scale),
            discount_percent: Decimal::new(discount, 18),
            taxes: vec![TaxKey { key: (), percent: Decimal::new(percent, 17) }],
        }).collect();
        for method in [RoundingMethod::ByDocument, RoundingMethod::ByLine] {
            for prices in [Prices::Net, Prices::IncludeTax] {
                let _ = totals(&lines, Decimal::new(discount, 17), prices, method, exponent);
            }
        }
    }
}
