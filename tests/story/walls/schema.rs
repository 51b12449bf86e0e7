//! Reads the GraphQL schema and makes a valid call of any root field from it, so that a new field cannot be forgotten.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The schema as introspection tells it.
pub struct Schema {
    types: BTreeMap<String, Value>,
}

/// Where an id goes into a call: field, then the names down to it, e.g. `["input", "lines", "account"]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdPlace {
    pub mutation: bool,
    pub field: String,
    pub path: Vec<String>,
}

const INTROSPECTION: &str = "{ __schema { types { kind name description
  fields(includeDeprecated: true) { name description type { ...T } args { name description defaultValue type { ...T } } }
  inputFields { name description defaultValue type { ...T } } enumValues(includeDeprecated: true) { name description } } } }
  fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

impl Schema {
    /// Asks the schema itself, without any server.
    pub async fn read() -> Self {
        let response = backoffice::graph::for_introspection().execute(INTROSPECTION).await.into_result().unwrap();
        let data = serde_json::to_value(&response.data).unwrap();
        let types = data["__schema"]["types"].as_array().unwrap().iter();
        Self { types: types.map(|kind| (kind["name"].as_str().unwrap().to_owned(), kind.clone())).collect() }
    }

    pub fn types(&self) -> impl Iterator<Item = (&String, &Value)> {
        let built_in = ["ID", "String", "Int", "Float", "Boolean"];
        self.types.iter().filter(move |(name, _)| !name.starts_with("__") && !built_in.contains(&name.as_str()))
    }

    /// Object types that have an id of their own: what a client could point at.
    pub fn records(&self) -> Vec<String> {
        self.types()
            .filter(|(name, kind)| {
                kind["kind"] == "OBJECT"
                    && !["Query", "Mutation"].contains(&name.as_str())
                    && kind["fields"].as_array().is_some_and(|fields| {
                        fields.iter().any(|field| field["name"] == "id" && field["type"]["ofType"]["name"] == "ID")
                    })
            })
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// The words of an enum.
    pub fn words(&self, name: &str) -> Vec<String> {
        self.types[name]["enumValues"]
            .as_array()
            .unwrap()
            .iter()
            .map(|word| word["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The rights that a client's role can hold: all but those that say that they are held for the provider.
    pub fn rights_of_a_client(&self) -> Vec<Value> {
        let words = self.types["Permission"]["enumValues"].as_array().unwrap().iter();
        let held = words.filter(|word| !word["description"].as_str().unwrap().contains("Held for the provider"));
        held.map(|word| word["name"].clone()).collect()
    }

    /// Whether a type has that field.
    pub fn has_field(&self, type_name: &str, field: &str) -> bool {
        let (_, found) = self.types().find(|(name, _)| *name == type_name).unwrap();
        found["fields"].as_array().unwrap().iter().any(|one| one["name"] == field)
    }

    /// The input fields of a type.
    pub fn input_fields(&self, name: &str) -> Vec<Value> {
        self.types[name]["inputFields"].as_array().unwrap().clone()
    }

    pub fn root_fields(&self, mutation: bool) -> Vec<Value> {
        let root = if mutation { "Mutation" } else { "Query" };
        self.types[root]["fields"].as_array().unwrap().clone()
    }

    /// Every place in the arguments of every root field where an id is taken.
    pub fn id_places(&self) -> Vec<IdPlace> {
        let mut places = Vec::new();
        for mutation in [false, true] {
            for field in self.root_fields(mutation) {
                let name = field["name"].as_str().unwrap();
                for argument in field["args"].as_array().unwrap() {
                    self.ids_below(
                        &argument["type"],
                        vec![argument["name"].as_str().unwrap().to_owned()],
                        &mut |path| {
                            places.push(IdPlace { mutation, field: name.to_owned(), path });
                        },
                    );
                }
            }
        }
        places
    }

    fn ids_below(&self, kind: &Value, path: Vec<String>, found: &mut impl FnMut(Vec<String>)) {
        let named = innermost(kind);
        if named == "ID" {
            found(path);
        } else if self.types[named]["kind"] == "INPUT_OBJECT" && !repeats(&path) {
            for field in self.types[named]["inputFields"].as_array().unwrap() {
                let mut below = path.clone();
                below.push(field["name"].as_str().unwrap().to_owned());
                self.ids_below(&field["type"], below, found);
            }
        }
    }

    /// A valid call of a root field. `value` gives the value of an id, or of anything it knows better than the default;
    /// optional input is filled in where `wanted` says so.
    pub fn call(
        &self,
        mutation: bool,
        field: &str,
        wanted: &dyn Fn(&[String]) -> bool,
        value: &dyn Fn(&[String], &str) -> Option<Value>,
    ) -> (String, Value) {
        let found = self.root_fields(mutation).into_iter().find(|known| known["name"] == field).unwrap();
        let (mut declared, mut passed, mut variables) = (Vec::new(), Vec::new(), Map::new());
        for argument in found["args"].as_array().unwrap() {
            let name = argument["name"].as_str().unwrap();
            let path = vec![name.to_owned()];
            let required = argument["type"]["kind"] == "NON_NULL" && argument["defaultValue"].is_null();
            if required || wanted(&path) {
                declared.push(format!("${name}: {}", written(&argument["type"])));
                passed.push(format!("{name}: ${name}"));
                variables.insert(name.to_owned(), self.example(&argument["type"], &path, wanted, value));
            }
        }
        let arguments = if passed.is_empty() { String::new() } else { format!("({})", passed.join(", ")) };
        let declarations = if declared.is_empty() { String::new() } else { format!("({})", declared.join(", ")) };
        let root = if mutation { "mutation" } else { "query" };
        let selection = self.selection(&found["type"], 3);
        (format!("{root} Call{declarations} {{ {field}{arguments}{selection} }}"), Value::Object(variables))
    }

    /// All scalars of a type, and those of its children some levels down; fields that need arguments are left out.
    fn selection(&self, kind: &Value, depth: usize) -> String {
        let named = innermost(kind);
        let known = &self.types[named];
        if known["kind"] == "INTERFACE" {
            return " { __typename id }".to_owned();
        }
        if known["kind"] != "OBJECT" {
            return String::new();
        }
        let mut parts = vec!["__typename".to_owned()];
        for field in known["fields"].as_array().unwrap() {
            let takes_more = field["args"]
                .as_array()
                .unwrap()
                .iter()
                .any(|argument| argument["type"]["kind"] == "NON_NULL" && argument["defaultValue"].is_null());
            let name = field["name"].as_str().unwrap();
            if takes_more || name == "edges" {
                continue;
            }
            let below = innermost(&field["type"]);
            let kind = self.types[below]["kind"].as_str().unwrap();
            if kind == "OBJECT" {
                // Pages inside pages would multiply: only the first level of lists is followed.
                let is_page = below.ends_with("Connection");
                if depth > 0 && !(is_page && depth < 3) {
                    parts.push(format!("{name}{}", self.selection(&field["type"], depth - 1)));
                }
            } else {
                let ids = if kind == "INTERFACE" { self.selection(&field["type"], 0) } else { String::new() };
                parts.push(format!("{name}{ids}"));
            }
        }
        format!(" {{ {} }}", parts.join(" "))
    }

    fn example(
        &self,
        kind: &Value,
        path: &[String],
        wanted: &dyn Fn(&[String]) -> bool,
        value: &dyn Fn(&[String], &str) -> Option<Value>,
    ) -> Value {
        match kind["kind"].as_str().unwrap() {
            "NON_NULL" => self.example(&kind["ofType"], path, wanted, value),
            "LIST" => match value(path, "LIST") {
                Some(value) => value,
                None => json!([self.example(&kind["ofType"], path, wanted, value)]),
            },
            _ => self.named_example(kind["name"].as_str().unwrap(), path, wanted, value),
        }
    }

    fn named_example(
        &self,
        named: &str,
        path: &[String],
        wanted: &dyn Fn(&[String]) -> bool,
        value: &dyn Fn(&[String], &str) -> Option<Value>,
    ) -> Value {
        if let Some(value) = value(path, named) {
            return value;
        }
        let known = &self.types[named];
        match (known["kind"].as_str().unwrap(), named) {
            ("INPUT_OBJECT", _) => {
                let mut object = Map::new();
                for field in known["inputFields"].as_array().unwrap() {
                    let name = field["name"].as_str().unwrap();
                    let mut below = path.to_vec();
                    below.push(name.to_owned());
                    let required = field["type"]["kind"] == "NON_NULL" && field["defaultValue"].is_null();
                    if required || wanted(&below) {
                        object.insert(name.to_owned(), self.example(&field["type"], &below, wanted, value));
                    }
                }
                Value::Object(object)
            }
            ("ENUM", _) => known["enumValues"][0]["name"].clone(),
            (_, "Boolean") => json!(true),
            (_, "Int") => json!(1),
            (_, "Decimal") => json!("1"),
            (_, "Date") => json!("2026-01-20"),
            (_, "DateTime") => json!("2026-12-01T00:00:00Z"),
            (_, "CurrencyCode") => json!("EUR"),
            (_, "CountryCode") => json!("DE"),
            (_, "TimeZone") => json!("Europe/Berlin"),
            (_, "Iban") => json!("DE89370400440532013000"),
            (_, "Base64") => json!("YQ=="),
            (_, "ID") => panic!("the test has to know an id for {path:?}"),
            (_, "String") => json!("x"),
            (_, other) => panic!("the test knows no example of the scalar {other}"),
        }
    }
}

/// `and: [Filter]` inside `Filter`: once is enough.
fn repeats(path: &[String]) -> bool {
    path.last().is_some_and(|last| last == "and" || last == "or")
}

/// The named type inside lists and non-nulls.
pub fn innermost(kind: &Value) -> &str {
    match kind["ofType"].is_object() {
        true => innermost(&kind["ofType"]),
        false => kind["name"].as_str().unwrap(),
    }
}

fn written(kind: &Value) -> String {
    match kind["kind"].as_str().unwrap() {
        "NON_NULL" => format!("{}!", written(&kind["ofType"])),
        "LIST" => format!("[{}]", written(&kind["ofType"])),
        _ => kind["name"].as_str().unwrap().to_owned(),
    }
}
