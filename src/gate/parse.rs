//! Tokens to the engine's own document types, by recursive descent.
//!
//! The engine's own parser needs more than 1 µs a token and some 50 ns a byte, which takes the largest text
//! that the limits allow past 10 ms. Here the tokens are already cut, and the descent over them costs a tenth of
//! that. Its recursion is bounded by [`crate::Limits::nesting`], which has been checked before.
//! `tests/gate/parser.rs` holds both parsers against each other, place by place.

use std::collections::{HashMap, hash_map::Entry};

use async_graphql_parser::{
    Pos, Positioned,
    types::{
        BaseType, Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition, FragmentSpread,
        InlineFragment, OperationDefinition, OperationType, Selection, SelectionSet, Type, TypeCondition,
        VariableDefinition,
    },
};
use async_graphql_value::{Name, Value, indexmap::IndexMap};

use crate::{
    rejected::{PARSE_FAILED, Rejected, VALIDATION_FAILED, quoted},
    strings,
    tokens::{Kind, Token},
};

type Parsed<T> = Result<T, Rejected>;
type Arguments = Vec<(Positioned<Name>, Positioned<Value>)>;

/// Parses a whole document.
pub(crate) fn document(tokens: &[Token<'_>]) -> Parsed<ExecutableDocument> {
    let end = tokens.last().map_or(Pos { line: 1, column: 1 }, |last| last.at);
    let mut parser = Parser { rest: tokens.iter(), end };
    let mut anonymous: Option<Positioned<OperationDefinition>> = None;
    let mut operations: HashMap<Name, Positioned<OperationDefinition>> = HashMap::new();
    let mut fragments: HashMap<Name, Positioned<FragmentDefinition>> = HashMap::new();
    while let Some(token) = parser.peek() {
        let at = token.at;
        if token.kind == Kind::Name && token.text == "fragment" {
            let (name, fragment) = parser.fragment()?;
            match fragments.entry(name) {
                Entry::Vacant(place) => drop(place.insert(Positioned::new(fragment, at))),
                Entry::Occupied(taken) => {
                    let message = format!("The fragment {} is defined twice.", quoted(taken.key()));
                    return Err(Rejected::validation(message, at));
                }
            }
            continue;
        }
        let (name, operation) = parser.operation()?;
        let lonely = anonymous.is_some() || (name.is_none() && !operations.is_empty());
        if lonely {
            return Err(Rejected::validation("An operation without a name must be the only one.", at));
        }
        match name.map(|name| operations.entry(name)) {
            None => anonymous = Some(Positioned::new(operation, at)),
            Some(Entry::Vacant(place)) => drop(place.insert(Positioned::new(operation, at))),
            Some(Entry::Occupied(taken)) => {
                let message = format!("The operation {} is defined twice.", quoted(taken.key()));
                return Err(Rejected::validation(message, at));
            }
        }
    }
    let operations = match anonymous {
        Some(operation) => DocumentOperations::Single(operation),
        None if !operations.is_empty() => DocumentOperations::Multiple(operations),
        None if fragments.is_empty() => {
            return Err(Rejected::new(PARSE_FAILED, "The document is empty."));
        }
        None => {
            return Err(Rejected::new(VALIDATION_FAILED, "The document holds no operation."));
        }
    };
    Ok(ExecutableDocument { operations, fragments })
}

struct Parser<'t, 'a> {
    rest: std::slice::Iter<'t, Token<'a>>,
    /// The place to name when the text ends too early.
    end: Pos,
}

impl<'t, 'a> Parser<'t, 'a> {
    fn peek(&self) -> Option<&'t Token<'a>> {
        self.rest.as_slice().first()
    }

    fn place(&self) -> Pos {
        self.peek().map_or(self.end, |token| token.at)
    }

    fn is(&self, sign: u8) -> bool {
        self.peek().is_some_and(|token| token.kind == Kind::Punctuator(sign))
    }

    fn take(&mut self, sign: u8) -> bool {
        let found = self.is(sign);
        if found {
            self.rest.next();
        }
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.kind == Kind::Name && token.text == word);
        if found {
            self.rest.next();
        }
        found
    }

    fn unexpected<T>(&self, wanted: &str) -> Parsed<T> {
        let found = self.peek().map_or_else(|| "the end of the text".to_owned(), |token| quoted(token.text));
        Err(Rejected::parse(format!("Expected {wanted}, found {found}."), self.place()))
    }

    fn expect(&mut self, sign: u8) -> Parsed<()> {
        if self.take(sign) {
            return Ok(());
        }
        self.unexpected(&quoted(&char::from(sign).to_string()))
    }

    fn name(&mut self) -> Parsed<Positioned<Name>> {
        match self.peek() {
            Some(token) if token.kind == Kind::Name => {
                self.rest.next();
                Ok(Positioned::new(Name::new(token.text), token.at))
            }
            _ => self.unexpected("a name"),
        }
    }

    fn operation(&mut self) -> Parsed<(Option<Name>, OperationDefinition)> {
        let ty = match self.peek() {
            Some(token) if token.kind == Kind::Punctuator(b'{') => None,
            Some(token) if token.kind == Kind::Name => match token.text {
                "query" => Some(OperationType::Query),
                "mutation" => Some(OperationType::Mutation),
                "subscription" => Some(OperationType::Subscription),
                _ => return self.unexpected("an operation or a fragment"),
            },
            _ => return self.unexpected("an operation or a fragment"),
        };
        let Some(ty) = ty else {
            let selection_set = self.selection_set()?;
            return Ok((
                None,
                OperationDefinition {
                    ty: OperationType::Query,
                    variable_definitions: Vec::new(),
                    directives: Vec::new(),
                    selection_set,
                },
            ));
        };
        self.rest.next();
        let name = match self.peek() {
            Some(token) if token.kind == Kind::Name => Some(self.name()?.node),
            _ => None,
        };
        let mut variable_definitions = Vec::new();
        if self.take(b'(') {
            while !self.take(b')') {
                variable_definitions.push(self.variable_definition()?);
            }
        }
        let directives = self.directives()?;
        let selection_set = self.selection_set()?;
        Ok((name, OperationDefinition { ty, variable_definitions, directives, selection_set }))
    }

    fn variable_definition(&mut self) -> Parsed<Positioned<VariableDefinition>> {
        let at = self.place();
        self.expect(b'$')?;
        let name = self.name()?;
        self.expect(b':')?;
        let type_at = self.place();
        let var_type = Positioned::new(self.variable_type()?, type_at);
        // The specification puts the default before the directives, the engine's parser the other way round: both are read.
        let mut directives = self.directives()?;
        let default_value = if self.take(b'=') {
            let value = self.value()?;
            match value.node.into_const() {
                Some(node) => Some(Positioned::new(node, value.pos)),
                None => {
                    return Err(Rejected::parse("A default value cannot hold a variable.", value.pos));
                }
            }
        } else {
            None
        };
        directives.extend(self.directives()?);
        Ok(Positioned::new(VariableDefinition { name, var_type, directives, default_value }, at))
    }

    fn variable_type(&mut self) -> Parsed<Type> {
        let base = if self.take(b'[') {
            let item = self.variable_type()?;
            self.expect(b']')?;
            BaseType::List(Box::new(item))
        } else {
            BaseType::Named(self.name()?.node)
        };
        Ok(Type { base, nullable: !self.take(b'!') })
    }

    fn fragment(&mut self) -> Parsed<(Name, FragmentDefinition)> {
        self.rest.next();
        if self.peek().is_some_and(|token| token.text == "on") {
            return self.unexpected("the name of a fragment");
        }
        let name = self.name()?.node;
        let Some(type_condition) = self.type_condition()? else {
            return self.unexpected("\"on\"");
        };
        let directives = self.directives()?;
        let selection_set = self.selection_set()?;
        Ok((name, FragmentDefinition { type_condition, directives, selection_set }))
    }

    fn type_condition(&mut self) -> Parsed<Option<Positioned<TypeCondition>>> {
        let at = self.place();
        if !self.take_word("on") {
            return Ok(None);
        }
        Ok(Some(Positioned::new(TypeCondition { on: self.name()? }, at)))
    }

    fn selection_set(&mut self) -> Parsed<Positioned<SelectionSet>> {
        let at = self.place();
        self.expect(b'{')?;
        let mut items = Vec::new();
        loop {
            items.push(self.selection()?);
            if self.take(b'}') {
                return Ok(Positioned::new(SelectionSet { items }, at));
            }
        }
    }

    fn selection(&mut self) -> Parsed<Positioned<Selection>> {
        let Some(first) = self.peek() else {
            return self.unexpected("a field");
        };
        let at = first.at;
        if first.kind != Kind::Spread {
            return Ok(Positioned::new(Selection::Field(Positioned::new(self.field()?, at)), at));
        }
        self.rest.next();
        let type_condition = self.type_condition()?;
        let named = self.peek().is_some_and(|token| token.kind == Kind::Name);
        if named && type_condition.is_none() {
            let fragment_name = self.name()?;
            let directives = self.directives()?;
            let spread = FragmentSpread { fragment_name, directives };
            return Ok(Positioned::new(Selection::FragmentSpread(Positioned::new(spread, at)), at));
        }
        let directives = self.directives()?;
        let selection_set = self.selection_set()?;
        let fragment = InlineFragment { type_condition, directives, selection_set };
        Ok(Positioned::new(Selection::InlineFragment(Positioned::new(fragment, at)), at))
    }

    fn field(&mut self) -> Parsed<Field> {
        let first = self.name()?;
        let (alias, name) = if self.take(b':') { (Some(first), self.name()?) } else { (None, first) };
        let arguments = self.arguments()?;
        let directives = self.directives()?;
        let selection_set = if self.is(b'{') { self.selection_set()? } else { Positioned::default() };
        Ok(Field { alias, name, arguments, directives, selection_set })
    }

    fn directives(&mut self) -> Parsed<Vec<Positioned<Directive>>> {
        let mut directives = Vec::new();
        while self.is(b'@') {
            let at = self.place();
            self.rest.next();
            let name = self.name()?;
            let arguments = self.arguments()?;
            directives.push(Positioned::new(Directive { name, arguments }, at));
        }
        Ok(directives)
    }

    fn arguments(&mut self) -> Parsed<Arguments> {
        let mut arguments = Vec::new();
        if self.take(b'(') {
            loop {
                let name = self.name()?;
                self.expect(b':')?;
                arguments.push((name, self.value()?));
                if self.take(b')') {
                    break;
                }
            }
        }
        Ok(arguments)
    }

    fn value(&mut self) -> Parsed<Positioned<Value>> {
        let Some(token) = self.peek() else {
            return self.unexpected("a value");
        };
        let at = token.at;
        let node = match token.kind {
            Kind::Punctuator(b'$') => {
                self.rest.next();
                return Ok(Positioned::new(Value::Variable(self.name()?.node), at));
            }
            Kind::Punctuator(b'[') => {
                self.rest.next();
                let mut items = Vec::new();
                while !self.take(b']') {
                    items.push(self.value()?.node);
                }
                return Ok(Positioned::new(Value::List(items), at));
            }
            Kind::Punctuator(b'{') => {
                self.rest.next();
                return Ok(Positioned::new(self.object()?, at));
            }
            Kind::Name => match token.text {
                "true" => Value::Boolean(true),
                "false" => Value::Boolean(false),
                "null" => Value::Null,
                text => Value::Enum(Name::new(text)),
            },
            Kind::Number => match token.text.parse() {
                Ok(number) => Value::Number(number),
                Err(_) => return Err(Rejected::parse("The number is out of range.", at)),
            },
            Kind::Text => match strings::unescaped(token.text) {
                Some(text) => Value::String(text),
                None => return Err(Rejected::parse("The string holds an unknown escape.", at)),
            },
            Kind::Block => Value::String(strings::dedented(token.text)),
            _ => return self.unexpected("a value"),
        };
        self.rest.next();
        Ok(Positioned::new(node, at))
    }

    fn object(&mut self) -> Parsed<Value> {
        let mut fields = IndexMap::new();
        while !self.take(b'}') {
            let name = self.name()?;
            self.expect(b':')?;
            let value = self.value()?.node;
            if fields.insert(name.node.clone(), value).is_some() {
                let message = format!("The field {} is given twice.", quoted(&name.node));
                return Err(Rejected::validation(message, name.pos));
            }
        }
        Ok(Value::Object(fields))
    }
}
