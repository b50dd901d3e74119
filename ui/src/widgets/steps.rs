//! What moves a handle besides the pointer: arrow keys, and the requests of assistive technologies.

use egui::{
    EventFilter, Id, Key, Response, Ui,
    accesskit::{Action, ActionData},
};

/// Steps that a handle is asked to go: to the right is positive. Also tells assistive technologies that it moves.
pub(super) fn steps(ui: &Ui, response: &Response) -> f32 {
    let id = response.id;
    ui.ctx().accesskit_node_builder(id, |node| {
        node.add_action(Action::Increment);
        node.add_action(Action::Decrement);
    });
    let asked = ui.input(|input| {
        let count = |action| input.num_accesskit_action_requests(id, action) as f32;
        count(Action::Increment) - count(Action::Decrement)
    });
    if !response.has_focus() {
        return asked;
    }
    let filter = EventFilter {
        horizontal_arrows: true,
        ..EventFilter::default()
    };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
    let pressed = |key| f32::from(i8::from(ui.input(|input| input.key_pressed(key))));
    asked + pressed(Key::ArrowRight) - pressed(Key::ArrowLeft)
}

/// The value that assistive technologies ask for; tells them the range.
pub(super) fn asked_value(ui: &Ui, id: Id, range: &std::ops::RangeInclusive<f64>) -> Option<f64> {
    ui.ctx().accesskit_node_builder(id, |node| {
        node.add_action(Action::SetValue);
        node.set_min_numeric_value(*range.start());
        node.set_max_numeric_value(*range.end());
    });
    ui.input(|input| {
        let mut requests = input.accesskit_action_requests(id, Action::SetValue);
        requests.find_map(|request| match request.data {
            Some(ActionData::NumericValue(value)) if value.is_finite() => Some(value),
            _ => None,
        })
    })
}
