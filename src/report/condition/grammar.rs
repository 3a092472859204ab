//! The grammar of conditions: text to a tree of tests, each word with its place; what the words mean is not known here.

use std::ops::Range;

use winnow::ModalResult;
use winnow::Parser;
use winnow::ascii::multispace0;
use winnow::combinator::{alt, cut_err, delimited, opt, preceded, repeat, separated, terminated};
use winnow::error::{StrContext, StrContextValue};
use winnow::stream::LocatingSlice;
use winnow::token::{take_till, take_while};

use super::Fault;

/// A condition as written.
#[derive(Debug, PartialEq)]
pub enum Tree<'a> {
    /// One of them holds.
    Any(Vec<Tree<'a>>),
    /// All of them hold.
    All(Vec<Tree<'a>>),
    /// It does not hold.
    Not(Box<Tree<'a>>),
    /// A name, and what it is compared with; a name alone is a question of yes or no.
    Test(Word<'a>, Option<Comparison<'a>>),
}

/// `<= 30s`, `in {80 443}`.
#[derive(Debug, PartialEq)]
pub struct Comparison<'a> {
    /// How.
    pub op: Op,
    /// Where the operator stands.
    pub at: Range<usize>,
    /// With what: one value, or several after `in`.
    pub values: Vec<Word<'a>>,
}

/// How two values are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// `==`
    Equal,
    /// `!=`: the opposite of `==`, also where there is no value.
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
    /// `in`: one of several, or inside a network.
    In,
}

impl Op {
    /// As typed.
    pub fn text(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::In => "in",
        }
    }
}

/// A word and its place in the text, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Word<'a> {
    /// Without quotes.
    pub text: &'a str,
    /// With quotes.
    pub at: Range<usize>,
}

/// Reads a whole condition.
pub fn condition(text: &str) -> Result<Tree<'_>, Fault> {
    check_size(text)?;
    preceded(multispace0, any).parse(LocatingSlice::new(text)).map_err(|e| fault(text, e.offset(), e.inner()))
}

/// Reads `>= 2`, or several such with `&&` between them.
pub fn bounds(text: &str) -> Result<Vec<Comparison<'_>>, Fault> {
    check_size(text)?;
    preceded(multispace0, separated(1.., cut_err(comparison), lexeme(alt(("&&", "and")))))
        .parse(LocatingSlice::new(text))
        .map_err(|e| fault(text, e.offset(), e.inner()))
}

type Input<'a> = LocatingSlice<&'a str>;

fn any<'a>(input: &mut Input<'a>) -> ModalResult<Tree<'a>> {
    let parts: Vec<_> = separated(1.., all, lexeme(alt(("||", keyword("or"))))).parse_next(input)?;
    Ok(one_or(parts, Tree::Any))
}

fn all<'a>(input: &mut Input<'a>) -> ModalResult<Tree<'a>> {
    let parts: Vec<_> = separated(1.., single, lexeme(alt(("&&", keyword("and"))))).parse_next(input)?;
    Ok(one_or(parts, Tree::All))
}

fn single<'a>(input: &mut Input<'a>) -> ModalResult<Tree<'a>> {
    let negated = preceded(lexeme(alt(("!", keyword("not")))), cut_err(single));
    let grouped =
        delimited(lexeme("("), cut_err(any), cut_err(lexeme(")")).context(expected_text("a closing )")));
    alt((negated.map(|tree| Tree::Not(Box::new(tree))), grouped, test))
        .context(expected_text("a column, such as state or duration"))
        .parse_next(input)
}

fn test<'a>(input: &mut Input<'a>) -> ModalResult<Tree<'a>> {
    (name, opt(comparison)).map(|(name, comparison)| Tree::Test(name, comparison)).parse_next(input)
}

fn comparison<'a>(input: &mut Input<'a>) -> ModalResult<Comparison<'a>> {
    let op = alt((
        "==".value(Op::Equal),
        "!=".value(Op::Unequal),
        "<=".value(Op::AtMost),
        ">=".value(Op::AtLeast),
        "<".value(Op::Less),
        ">".value(Op::More),
        keyword("in").value(Op::In),
    ));
    let (op, at) =
        lexeme(op.with_span()).context(expected_text("==, !=, <, <=, >, >= or in")).parse_next(input)?;
    let values = match op {
        Op::In => {
            cut_err(alt((set, one))).context(expected_text("a network, or {a b c}")).parse_next(input)?
        }
        _ => cut_err(one).context(expected_text("a value")).parse_next(input)?,
    };
    Ok(Comparison { op, at, values })
}

fn set<'a>(input: &mut Input<'a>) -> ModalResult<Vec<Word<'a>>> {
    let item = terminated(value, opt(lexeme(",")));
    let closing = cut_err(lexeme("}")).context(expected_text("a value, or a closing }"));
    delimited(lexeme("{"), cut_err(repeat(1.., item)), closing).parse_next(input)
}

fn one<'a>(input: &mut Input<'a>) -> ModalResult<Vec<Word<'a>>> {
    value.map(|value| vec![value]).parse_next(input)
}

fn name<'a>(input: &mut Input<'a>) -> ModalResult<Word<'a>> {
    let letters = take_while(1.., |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    lexeme(letters.verify(|word: &str| !KEYWORDS.contains(&word)).with_span())
        .map(|(text, at)| Word { text, at })
        .parse_next(input)
}

fn value<'a>(input: &mut Input<'a>) -> ModalResult<Word<'a>> {
    let quoted = |mark: char| delimited(mark, take_till(0.., mark), mark);
    let bare = take_while(1.., |c: char| c.is_alphanumeric() || "_-+.:/[]%".contains(c));
    lexeme(alt((quoted('"'), quoted('\''), bare)).with_span())
        .map(|(text, at)| Word { text, at })
        .parse_next(input)
}

/// A word that ends where no letter follows.
fn keyword<'a>(
    word: &'static str,
) -> impl Parser<Input<'a>, &'a str, winnow::error::ErrMode<winnow::error::ContextError>> {
    take_while(1.., |c: char| c.is_ascii_alphanumeric() || c == '_').verify(move |found: &str| found == word)
}

/// With the blanks behind it.
fn lexeme<'a, O>(
    inner: impl Parser<Input<'a>, O, winnow::error::ErrMode<winnow::error::ContextError>>,
) -> impl Parser<Input<'a>, O, winnow::error::ErrMode<winnow::error::ContextError>> {
    terminated(inner, multispace0)
}

fn one_or<'a>(mut parts: Vec<Tree<'a>>, many: fn(Vec<Tree<'a>>) -> Tree<'a>) -> Tree<'a> {
    match parts.len() {
        1 => parts.remove(0),
        _ => many(parts),
    }
}

fn expected_text(what: &'static str) -> StrContext {
    StrContext::Expected(StrContextValue::Description(what))
}

/// What stands where the grammar stopped, and what could stand there.
fn fault(text: &str, offset: usize, error: &winnow::error::ContextError) -> Fault {
    let rest = text.get(offset..).unwrap_or_default();
    let len = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let wanted = error.context().find_map(|context| match context {
        StrContext::Expected(wanted) => Some(wanted.to_string()),
        _ => None,
    });
    let found = match rest.get(..len) {
        None | Some("") => "it ends too early".to_string(),
        Some(found) => format!("{found:?} does not belong here"),
    };
    let hint = match (rest, wanted) {
        (r, _) if r.starts_with("=>") || r.starts_with("=<") => "write >= or <=".into(),
        (r, _) if r.starts_with('=') => "write == for equal".into(),
        (r, _) if r.starts_with('&') || r.starts_with('|') => "write && for and, || for or".into(),
        (_, Some(wanted)) => format!("expected {wanted}"),
        (_, None) => "expected && or ||, or a comparison such as == or >=".into(),
    };
    Fault::new(offset..offset + len, found, hint)
}

/// Long enough for anybody, and nested little enough for any stack.
fn check_size(text: &str) -> Result<(), Fault> {
    let nested = text.matches(['(', '!']).count() + text.matches("not").count();
    match text.len() > LONGEST || nested > DEEPEST {
        true => Err(Fault::new(0..0, "it is too long".into(), "split it".into())),
        false => Ok(()),
    }
}

const LONGEST: usize = 1 << 14;
const DEEPEST: usize = 100;
/// Words that can not be names.
const KEYWORDS: [&str; 4] = ["and", "or", "not", "in"];
