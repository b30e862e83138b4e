//! Declared functions: what a route may call.

use std::sync::Arc;

use crate::call::{CallState, RouteMask};
use crate::flow::{ActionCx, ActionError, Flow};
use crate::value::Value;

/// The number of a function in its registry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FunctionId(pub u32);

/// The code of a function.
pub type Handler =
    Arc<dyn Fn(&mut ActionCx<'_, '_>, &mut CallState, &[Value]) -> Flow + Send + Sync>;

/// A function of a module.
#[derive(Clone)]
pub struct Function {
    /// The module.
    pub module: &'static str,
    /// The name, Kamailio's where it has one.
    pub name: &'static str,
    /// Fewest and most arguments.
    pub args: (u8, u8),
    /// The kinds of routes it may be used in.
    pub routes: RouteMask,
    /// What it does, its arguments and what it answers.
    pub doc: &'static str,
    /// Its code.
    pub handler: Handler,
}

impl Function {
    /// Runs it on `call` after checking argument count and route kind.
    pub fn run(&self, cx: &mut ActionCx<'_, '_>, call: &mut CallState, args: &[Value]) -> Flow {
        let (min, max) = self.args;
        if args.len() < usize::from(min) || args.len() > usize::from(max) {
            let given = args.len();
            return Flow::Error(ActionError::Arity { function: self.name, min, max, given });
        }
        if !self.routes.contains(call.kind) {
            let route = call.kind.name();
            return Flow::Error(ActionError::WrongRoute { function: self.name, route });
        }
        (self.handler)(cx, call, args)
    }
}
