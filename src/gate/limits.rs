//! Every number the gate holds a document to, in one place.

/// What a document may ask for at most.
///
/// The defaults let through what people and tools write by hand or generate (the introspection query of GraphiQL
/// included) and keep the worst document that passes under a few milliseconds of work.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Length of the text in bytes: 100 KiB.
    pub bytes: usize,
    /// Names, numbers, strings and punctuators in the text: 5,000.
    pub tokens: usize,
    /// Brackets of any kind open at the same place: 64. It bounds every recursion over the parsed text.
    pub nesting: usize,
    /// Aliases in the text: 100.
    pub aliases: usize,
    /// Directives in the text: 50.
    pub directives: usize,
    /// Directives at one place: 5.
    pub directives_per_location: usize,
    /// Names of directives that the schema adds to `skip` and `include`: none.
    pub extra_directives: &'static [&'static str],
    /// Arguments of one field or directive: 50.
    pub arguments: usize,
    /// Variables that one operation declares, and that one request sends: 100.
    pub variables: usize,
    /// Lists and objects inside each other in one variable: 16.
    pub variable_depth: usize,
    /// Values in all variables together, each list, object and leaf being one: 10,000.
    pub variable_values: usize,
    /// Selections after writing every fragment out wherever it is spread, over the whole document: 5,000.
    pub selections: u64,
    /// Weight of all arguments after writing every fragment and variable out (1 for each list, object and leaf, and 1 for every 64 bytes of text): 50,000.
    /// A big literal in a fragment, or a big variable, is paid for at each place that uses it.
    pub argument_weight: u64,
    /// Fields inside each other: 16.
    pub depth: u32,
    /// Fields, inline fragments and fragment spreads inside each other: 30, since the engine counts them all and stops at 32.
    pub levels: u32,
    /// Fields of the operation's root: 30.
    pub root_fields: usize,
    /// Items that `first` or `last` may ask for: 100.
    pub page: u64,
    /// Items assumed when neither `first` nor `last` is given: 25.
    pub default_page: u64,
    /// The price of an operation: 50,000.
    pub cost: u64,
    /// Whether `__schema` and `__type` are answered: yes.
    pub introspection: bool,
    /// Fields inside each other under `__schema` or `__type`, instead of [`Limits::depth`]: 20.
    pub introspection_depth: u32,
    /// Lists of types and fields inside each other under `__schema` or `__type`: 2. The types point at each other, so each
    /// level multiplies the answer by the size of the schema.
    pub introspection_list_depth: u32,
    /// Lists under all `__schema` and `__type` together: 16. The query of GraphiQL has 9.
    pub introspection_lists: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 100 * 1024,
            tokens: 5_000,
            nesting: 64,
            aliases: 100,
            directives: 50,
            directives_per_location: 5,
            extra_directives: &[],
            arguments: 50,
            variables: 100,
            variable_depth: 16,
            variable_values: 10_000,
            selections: 5_000,
            argument_weight: 50_000,
            depth: 16,
            levels: 30,
            root_fields: 30,
            page: 100,
            default_page: 25,
            cost: 50_000,
            introspection: true,
            introspection_depth: 20,
            introspection_list_depth: 2,
            introspection_lists: 16,
        }
    }
}
