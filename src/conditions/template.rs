//! Texts with expressions in them: `Look at {{ record.title }}`.

use crate::eval::{Budget, Failure, Names};
use crate::shape::Shape;
use crate::token::broken;
use crate::{Broken, Expression};

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Value(Expression, String),
}

/// A text with expressions between double braces. A name that is not known is refused when it is read, and a value that is
/// not there when it is written: a text never has a gap.
#[derive(Clone, Debug)]
pub struct Template {
    pieces: Vec<Piece>,
}

impl Template {
    /// Reads a text over values of that shape.
    pub fn parse(text: &str, shape: &Shape) -> Result<Self, Broken> {
        let mut pieces = Vec::new();
        let mut rest = text;
        let mut at = 0_usize;
        while let Some((before, behind)) = rest.split_once("{{") {
            at = at.saturating_add(before.chars().count()).saturating_add(2);
            let Some((inner, after)) = behind.split_once("}}") else {
                return Err(broken(at.saturating_sub(2), "`{{` has no `}}`."));
            };
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let expression = Expression::parse(inner, shape)
                .map_err(|reason| broken(at.saturating_add(reason.at), reason.message))?;
            pieces.push(Piece::Value(expression, inner.trim().to_owned()));
            at = at.saturating_add(inner.chars().count()).saturating_add(2);
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self { pieces })
    }

    /// Writes the text.
    pub fn text(&self, names: &Names, budget: &mut Budget) -> Result<String, Failure> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(known) => text.push_str(known),
                Piece::Value(expression, source) => {
                    let value = expression.value(names, budget)?;
                    let shown = value.shown().ok_or_else(|| {
                        Failure::wrong(format!("`{source}` is {}, which a text cannot show.", value.kind()))
                    })?;
                    text.push_str(&shown);
                }
            }
        }
        Ok(text)
    }
}
