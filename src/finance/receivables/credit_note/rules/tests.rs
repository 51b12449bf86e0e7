use proptest::prelude::*;

use super::*;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// An invoice's lines with their shares of the taxes.
fn invoiced(lines: &[(Decimal, Decimal, Option<TaxCodeId>, Decimal)], method: RoundingMethod) -> Vec<Invoiced> {
    let inputs: Vec<LineInput<Option<TaxCodeId>>> = lines
        .iter()
        .map(|(quantity, unit_price, key, percent)| LineInput {
            quantity: *quantity,
            unit_price: *unit_price,
            discount_percent: Decimal::ZERO,
            tax: TaxKey { key: *key, percent: *percent },
        })
        .collect();
    let totals = backoffice_money::totals(&inputs, Decimal::ZERO, method, 2).unwrap();
    lines
        .iter()
        .zip(totals.lines)
        .map(|((quantity, _, code, percent), amounts)| Invoiced {
            quantity: *quantity,
            net: amounts.net,
            tax: amounts.tax,
            code: *code,
            percent: *percent,
            taken: Taken::default(),
        })
        .collect()
}

/// Takes back and remembers; gives the gross amount.
fn take(lines: &mut [Invoiced], wanted: &[(usize, Amount)], method: RoundingMethod) -> Result<Decimal> {
    let credited = credit(lines, wanted, method, 2)?;
    for one in &credited {
        let taken = &mut lines[one.line].taken;
        taken.quantity += one.quantity.unwrap_or_default();
        taken.net += one.net;
        taken.tax += one.tax;
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
    let line = |price: &str| (Decimal::ONE, dec(price), code, dec("20"));
    let method = RoundingMethod::ByDocument;
    let mut lines = invoiced(&[line("68.33"), line("68.33"), line("57.50"), line("85.00")], method);
    let whole: Decimal = lines.iter().map(|line| line.net + line.tax).sum();
    assert_eq!(whole, dec("334.99"));
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
    let method = RoundingMethod::ByDocument;
    let mut lines = invoiced(&[(dec("3"), dec("33.33"), code, dec("19"))], method);
    // 33.33 and 6.33
    assert_eq!(take(&mut lines, &[(0, Amount::Quantity(Decimal::ONE))], method).unwrap(), dec("39.66"));
    assert_eq!(take(&mut lines, &[(0, Amount::Net(dec("10.00")))], method).unwrap(), dec("11.90"));
    let over = take(&mut lines, &[(0, Amount::Quantity(dec("2.0001")))], method).unwrap_err();
    assert_eq!(code_of(over).0, UserErrorCode::OverAllocated);
    let over = take(&mut lines, &[(0, Amount::Net(dec("56.67")))], method).unwrap_err();
    assert_eq!(code_of(over), (UserErrorCode::OverAllocated, "input.lines.0.net".to_owned()));
    for wrong in ["0", "-1"] {
        let error = take(&mut lines, &[(0, Amount::Quantity(dec(wrong)))], method).unwrap_err();
        assert_eq!(code_of(error).0, UserErrorCode::Invalid);
        let error = take(&mut lines, &[(0, Amount::Net(dec(wrong)))], method).unwrap_err();
        assert_eq!(code_of(error).0, UserErrorCode::Invalid);
    }
    // the two that are left take what is left: 56.66 and 10.77 of 19.00
    assert_eq!(take(&mut lines, &[(0, Amount::Quantity(dec("2")))], method).unwrap(), dec("67.43"));
}

proptest! {
    /// However an invoice is taken back, its notes are together what it says, and no part of it is taken twice.
    #[test]
    fn all_notes_are_the_invoice(
        shape in prop::collection::vec((1i64..50, 1i64..100_000, 0usize..3), 1..8),
        by_line in any::<bool>(),
        steps in prop::collection::vec((0usize..8, 1i64..5_000, any::<bool>()), 0..20),
    ) {
        let method = if by_line { RoundingMethod::ByLine } else { RoundingMethod::ByDocument };
        let codes = [(None, dec("0")), (Some(TaxCodeId::new()), dec("19")), (Some(TaxCodeId::new()), dec("7.7"))];
        let shape: Vec<_> = shape
            .into_iter()
            .map(|(quantity, price, code)| (Decimal::from(quantity), Decimal::new(price, 2), codes[code].0, codes[code].1))
            .collect();
        let mut lines = invoiced(&shape, method);
        let whole: Decimal = lines.iter().map(|line| line.net + line.tax).sum();
        let mut taken = Decimal::ZERO;
        for (index, amount, by_quantity) in steps {
            let wanted = if by_quantity { Amount::Quantity(Decimal::new(amount, 2)) } else { Amount::Net(Decimal::new(amount, 2)) };
            if let Ok(gross) = take(&mut lines, &[(index % shape.len(), wanted)], method) {
                prop_assert!(gross >= Decimal::ZERO);
                taken += gross;
                prop_assert!(taken <= whole);
            }
        }
        let rest: Vec<(usize, Amount)> = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.net != line.taken.net || line.quantity != line.taken.quantity)
            .map(|(index, _)| (index, Amount::Rest))
            .collect();
        taken += take(&mut lines, &rest, method).unwrap();
        prop_assert_eq!(taken, whole);
    }
}
