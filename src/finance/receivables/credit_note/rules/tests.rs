use proptest::prelude::*;

use super::*;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// A line that was sold: how many, the price of one, and its taxes.
type Sold = (Decimal, Decimal, Vec<TaxKey<Option<TaxCodeId>>>);

/// An invoice's lines with their shares of the taxes.
fn invoiced(lines: &[Sold], terms: Terms) -> Vec<Invoiced> {
    let inputs: Vec<LineInput<Option<TaxCodeId>>> = lines
        .iter()
        .map(|(quantity, unit_price, taxes)| LineInput {
            quantity: *quantity,
            unit_price: *unit_price,
            discount_percent: Decimal::ZERO,
            taxes: taxes.clone(),
        })
        .collect();
    let totals = backoffice_money::totals(&inputs, Decimal::ZERO, terms.prices, terms.method, 2).unwrap();
    lines
        .iter()
        .zip(totals.lines)
        .map(|((quantity, _, taxes), amounts)| Invoiced {
            quantity: *quantity,
            net: amounts.net,
            taxes: taxes
                .iter()
                .zip(amounts.taxes)
                .map(|(key, tax)| Taxed { code: key.key, percent: key.percent, tax, taken: Decimal::ZERO })
                .collect(),
            taken_quantity: Decimal::ZERO,
            taken_net: Decimal::ZERO,
        })
        .collect()
}

fn terms(method: RoundingMethod, prices: Prices) -> Terms {
    Terms { prices, method, exponent: 2 }
}

fn gross(lines: &[Invoiced]) -> Decimal {
    lines.iter().map(|line| line.amount(Prices::IncludeTax).unwrap()).sum()
}

fn taxed(code: Option<TaxCodeId>, percent: &str) -> TaxKey<Option<TaxCodeId>> {
    TaxKey { key: code, percent: dec(percent) }
}

/// Takes back and remembers; gives the gross amount.
fn take(lines: &mut [Invoiced], wanted: &[(usize, Amount)], terms: Terms) -> Result<Decimal> {
    let credited = credit(lines, wanted, terms)?;
    for one in &credited {
        let line = &mut lines[one.line];
        line.taken_quantity += one.quantity.unwrap_or_default();
        line.taken_net += one.net;
        line.taxes.iter_mut().zip(&one.taxes).for_each(|(taxed, tax)| taxed.taken += *tax);
    }
    Ok(totals(lines, &credited).unwrap().gross)
}

fn code_of(error: Error) -> (UserErrorCode, String) {
    let Error::Refused(mut reasons) = error else { panic!("{error:?}") };
    let reason = reasons.remove(0);
    (reason.code, reason.field.join("."))
}

#[test]
fn the_last_note_absorbs_the_rounding() {
    let code = Some(TaxCodeId::new());
    let line = |price: &str| (Decimal::ONE, dec(price), vec![taxed(code, "20")]);
    let method = terms(RoundingMethod::ByDocument, Prices::Net);
    let mut lines = invoiced(&[line("68.33"), line("68.33"), line("57.50"), line("85.00")], method);
    assert_eq!(gross(&lines), dec("334.99"));
    let gross: Vec<Decimal> =
        [0, 2, 3, 1].map(|index| take(&mut lines, &[(index, Amount::Rest)], method).unwrap()).to_vec();
    assert_eq!(gross, [dec("82.00"), dec("69.00"), dec("102.00"), dec("81.99")]);
    assert_eq!(
        code_of(take(&mut lines, &[(1, Amount::Rest)], method).unwrap_err()),
        (UserErrorCode::OverAllocated, "input.lines.0.line".to_owned())
    );
}

#[test]
fn a_part_of_a_line() {
    let code = Some(TaxCodeId::new());
    let method = terms(RoundingMethod::ByDocument, Prices::Net);
    let mut lines = invoiced(&[(dec("3"), dec("33.33"), vec![taxed(code, "19")])], method);
    // 33.33 and 6.33
    assert_eq!(take(&mut lines, &[(0, Amount::Quantity(Decimal::ONE))], method).unwrap(), dec("39.66"));
    assert_eq!(take(&mut lines, &[(0, Amount::Allowance(dec("10.00")))], method).unwrap(), dec("11.90"));
    let over = take(&mut lines, &[(0, Amount::Quantity(dec("2.0001")))], method).unwrap_err();
    assert_eq!(code_of(over).0, UserErrorCode::OverAllocated);
    let over = take(&mut lines, &[(0, Amount::Allowance(dec("56.67")))], method).unwrap_err();
    assert_eq!(code_of(over), (UserErrorCode::OverAllocated, "input.lines.0.amount".to_owned()));
    for wrong in ["0", "-1"] {
        let error = take(&mut lines, &[(0, Amount::Quantity(dec(wrong)))], method).unwrap_err();
        assert_eq!(code_of(error).0, UserErrorCode::Invalid);
        let error = take(&mut lines, &[(0, Amount::Allowance(dec(wrong)))], method).unwrap_err();
        assert_eq!(code_of(error).0, UserErrorCode::Invalid);
    }
    // the two that are left take what is left: 56.66 and 10.77 of 19.00
    assert_eq!(take(&mut lines, &[(0, Amount::Quantity(dec("2")))], method).unwrap(), dec("67.43"));
}

#[test]
fn a_piece_comes_back_at_the_price_that_was_paid() {
    let (state, county) = (Some(TaxCodeId::new()), Some(TaxCodeId::new()));
    let terms = terms(RoundingMethod::ByDocument, Prices::IncludeTax);
    let mut lines = invoiced(&[(dec("2"), dec("10.00"), vec![taxed(state, "14"), taxed(county, "5")])], terms);
    for _ in 0..2 {
        assert_eq!(take(&mut lines, &[(0, Amount::Quantity(Decimal::ONE))], terms).unwrap(), dec("10.00"));
    }
    assert!(lines[0].gone(terms.prices).unwrap());
    assert!(lines[0].net == lines[0].taken_net && lines[0].taxes.iter().all(|tax| tax.tax == tax.taken));
}

proptest! {
    /// However an invoice is taken back, its notes are together what it says, and no part of it is taken twice.
    #[test]
    fn all_notes_are_the_invoice(
        shape in prop::collection::vec((1i64..50, 1i64..100_000, 0usize..3), 1..8),
        by_line in any::<bool>(),
        include in any::<bool>(),
        steps in prop::collection::vec((0usize..8, 1i64..5_000, any::<bool>()), 0..20),
    ) {
        let method = if by_line { RoundingMethod::ByLine } else { RoundingMethod::ByDocument };
        let method = terms(method, if include { Prices::IncludeTax } else { Prices::Net });
        let (one, other) = (Some(TaxCodeId::new()), Some(TaxCodeId::new()));
        let taxes = [vec![taxed(None, "0")], vec![taxed(one, "19")], vec![taxed(one, "19"), taxed(other, "7.7")]];
        let shape: Vec<_> = shape
            .into_iter()
            .map(|(quantity, price, code)| (Decimal::from(quantity), Decimal::new(price, 2), taxes[code].clone()))
            .collect();
        let mut lines = invoiced(&shape, method);
        let whole = gross(&lines);
        let mut taken = Decimal::ZERO;
        for (index, amount, by_quantity) in steps {
            let wanted = if by_quantity { Amount::Quantity(Decimal::new(amount, 2)) } else { Amount::Allowance(Decimal::new(amount, 2)) };
            if let Ok(gross) = take(&mut lines, &[(index % shape.len(), wanted)], method) {
                prop_assert!(gross >= Decimal::ZERO);
                taken += gross;
                prop_assert!(taken <= whole);
            }
        }
        let rest: Vec<(usize, Amount)> = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| !line.gone(method.prices).unwrap())
            .map(|(index, _)| (index, Amount::Rest))
            .collect();
        taken += take(&mut lines, &rest, method).unwrap();
        prop_assert_eq!(taken, whole);
    }
}
