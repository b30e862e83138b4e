//! Which function a name means, remembered by where the name lies: a route asks for the same few
//! names for every message, and a name that never dies is known by its address.

use sip_module_api::registry::{FunctionId, Registry};

/// How many names are remembered, a power of two.
const KEPT: usize = 64;

/// One worker's memory of the names it was asked for.
pub(super) struct Names([Option<Known>; KEPT]);

#[derive(Clone, Copy)]
struct Known {
    name: &'static str,
    id: FunctionId,
}

impl Names {
    pub(super) const fn new() -> Self {
        Self([None; KEPT])
    }

    /// The number of the function called `name`, `None` when there is none.
    pub(super) fn resolve(
        &mut self,
        registry: &Registry,
        name: &'static str,
    ) -> Option<FunctionId> {
        // Names lie side by side in the program: their addresses differ by little, their lengths
        // too.
        let place = (name.as_ptr() as usize ^ (name.len() << 2)) % KEPT;
        let slot = self.0.get_mut(place)?;
        if let Some(known) = slot
            && std::ptr::eq(known.name, name)
        {
            return Some(known.id);
        }
        let id = registry.function_id(name)?;
        *slot = Some(Known { name, id });
        Some(id)
    }
}
