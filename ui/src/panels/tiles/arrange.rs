//! Where panes stand: pure changes of a tree of tabs, without a window.

use std::collections::BTreeSet;

use egui::{Id, Vec2};
use egui_tiles::{Container, Linear, LinearDir, SimplificationOptions, Tile, TileId, Tree};

use crate::document::{Document, View, ViewId};

/// Panes are not made narrower or lower than this by new ones, in points.
const LEAST: Vec2 = Vec2::new(260.0, 220.0);

/// The side of a pane that something goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// At the left.
    Left,
    /// At the right.
    Right,
    /// Above.
    Above,
    /// Below.
    Below,
}

impl Side {
    fn direction(self) -> LinearDir {
        match self {
            Self::Left | Self::Right => LinearDir::Horizontal,
            Self::Above | Self::Below => LinearDir::Vertical,
        }
    }

    fn comes_first(self) -> bool {
        matches!(self, Self::Left | Self::Above)
    }
}

/// Every pane in tabs, and no container that holds nothing or only one other.
pub(super) const RULES: SimplificationOptions = SimplificationOptions {
    prune_empty_tabs: true,
    prune_empty_containers: true,
    prune_single_child_tabs: true,
    prune_single_child_containers: true,
    all_panes_must_have_tabs: true,
    join_nested_linear_containers: true,
    flatten_tabs_in_tabs: true,
};

/// A tree without panes.
pub fn empty() -> Tree<ViewId> {
    Tree::empty(Id::unique("explorer-tiles"))
}

/// Brings the tree in line with the views that there are: panes of others go, new views become tabs beside `active`.
/// What is there keeps its place. Returns the new views.
pub fn reconcile(tree: &mut Tree<ViewId>, views: &[ViewId], active: Option<ViewId>) -> Vec<ViewId> {
    let mut known = BTreeSet::new();
    for (tile, view) in panes(tree) {
        // A damaged file may hold a view twice.
        if !views.contains(&view) || !known.insert(view) {
            remove(tree, tile);
        }
    }
    tree.simplify(&RULES);
    let mut beside = active.filter(|view| known.contains(view));
    let mut new = Vec::new();
    for &view in views.iter().filter(|view| !known.contains(view)) {
        let anchor = beside.or_else(|| panes(tree).last().map(|&(_, view)| view));
        if let Some(anchor) = anchor {
            add_tab(tree, anchor, view);
        } else {
            let pane = tree.tiles.insert_pane(view);
            tree.root = Some(tree.tiles.insert_tab_tile(vec![pane]));
        }
        beside = Some(view);
        new.push(view);
    }
    new
}

/// The side at which a pane has room for another one, by its size in the last frame.
pub(super) fn room(tree: &Tree<ViewId>, view: ViewId) -> Option<Side> {
    let tile = tree.tiles.find_pane(&view)?;
    let shown = tree.tiles.parent_of(tile).unwrap_or(tile);
    // Before the first frame nothing has a size.
    let size = tree
        .tiles
        .rect(shown)
        .map_or(LEAST * 4.0, |rect| rect.size());
    if size.x >= size.y && size.x >= 2.0 * LEAST.x {
        Some(Side::Right)
    } else if size.y >= 2.0 * LEAST.y {
        Some(Side::Below)
    } else {
        None
    }
}

/// Puts a new view at the right of another one, or below it where it is higher than wide.
pub fn split(tree: &mut Tree<ViewId>, view: ViewId, new: ViewId) {
    let side = room(tree, view).unwrap_or(Side::Right);
    split_at(tree, view, side, new);
}

/// Puts a new view at a side of another one; both share the room that the other had.
///
/// If `view` has no pane, the new one goes to that side of everything.
pub fn split_at(tree: &mut Tree<ViewId>, view: ViewId, side: Side, new: ViewId) {
    let pane = tree.tiles.insert_pane(new);
    let group = tree.tiles.insert_tab_tile(vec![pane]);
    let beside = tree.tiles.find_pane(&view).map(|tile| group_of(tree, tile));
    match beside.or(tree.root) {
        Some(old) => insert_beside(tree, old, side, group),
        None => tree.root = Some(group),
    }
}

/// The tabs that a pane is among; the pane itself where it has none yet.
fn group_of(tree: &Tree<ViewId>, tile: TileId) -> TileId {
    let parent = tree.tiles.parent_of(tile);
    let is_tabs = |id: &TileId| matches!(tree.tiles.get_container(*id), Some(Container::Tabs(_)));
    parent.filter(is_tabs).unwrap_or(tile)
}

fn insert_beside(tree: &mut Tree<ViewId>, old: TileId, side: Side, new: TileId) {
    let parent = tree.tiles.parent_of(old);
    if let Some(Tile::Container(Container::Linear(linear))) =
        parent.and_then(|id| tree.tiles.get_mut(id))
        && linear.dir == side.direction()
    {
        let place = linear
            .children
            .iter()
            .position(|&child| child == old)
            .unwrap_or(0);
        linear
            .children
            .insert(place + usize::from(!side.comes_first()), new);
        let share = linear.shares[old] * 0.5;
        linear.shares.set_share(old, share);
        linear.shares.set_share(new, share);
        return;
    }
    let children = if side.comes_first() {
        vec![new, old]
    } else {
        vec![old, new]
    };
    let pair = tree
        .tiles
        .insert_container(Linear::new(side.direction(), children));
    match parent.and_then(|id| tree.tiles.get_mut(id)) {
        Some(Tile::Container(container)) => {
            let place = container.replace_child(old, pair);
            debug_assert!(place.is_some(), "a parent has its child");
        }
        _ => tree.root = Some(pair),
    }
}

/// Puts a new view into the tabs of another one, right after it, and shows it.
pub fn add_tab(tree: &mut Tree<ViewId>, beside: ViewId, new: ViewId) {
    let Some(tile) = tree.tiles.find_pane(&beside) else {
        return split_at(tree, beside, Side::Right, new);
    };
    let pane = tree.tiles.insert_pane(new);
    let group = group_of(tree, tile);
    match tree.tiles.get_mut(group) {
        Some(Tile::Container(Container::Tabs(tabs))) => {
            let place = tabs.children.iter().position(|&child| child == tile);
            tabs.children
                .insert(place.map_or(tabs.children.len(), |place| place + 1), pane);
            tabs.active = Some(pane);
        }
        _ => insert_beside(tree, group, Side::Right, pane),
    }
}

/// Moves a view to a side of another one.
pub fn move_beside(tree: &mut Tree<ViewId>, view: ViewId, side: Side, moved: ViewId) {
    if view == moved {
        return;
    }
    if let Some(tile) = tree.tiles.find_pane(&moved) {
        remove(tree, tile);
    }
    split_at(tree, view, side, moved);
    tree.simplify(&RULES);
}

fn remove(tree: &mut Tree<ViewId>, tile: TileId) {
    let parent = tree.tiles.parent_of(tile);
    if let Some(Tile::Container(Container::Tabs(tabs))) =
        parent.and_then(|id| tree.tiles.get_mut(id))
        && tabs.active == Some(tile)
    {
        // The neighbor takes over, as in every program with tabs.
        let place = tabs
            .children
            .iter()
            .position(|&child| child == tile)
            .unwrap_or(0);
        let next = tabs.children.get(place + 1);
        tabs.active = next
            .or_else(|| tabs.children.get(place.checked_sub(1)?))
            .copied();
    }
    tree.remove_recursively(tile);
    if tree.root == Some(tile) {
        tree.root = None;
    }
}

/// All panes with their views, from left to right and top to bottom, tabs in their order.
pub(super) fn panes(tree: &Tree<ViewId>) -> Vec<(TileId, ViewId)> {
    let mut found = Vec::new();
    let mut open: Vec<TileId> = tree.root.into_iter().collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id.0) {
            continue;
        }
        match tree.tiles.get(id) {
            Some(Tile::Pane(view)) => found.push((id, *view)),
            Some(Tile::Container(container)) => {
                let mut children = container.children_vec();
                children.reverse();
                open.extend(children);
            }
            None => {}
        }
    }
    found
}

/// The view after `active`, or before it, in the order of the panes, around the end; it is brought to the front.
pub fn next_tab(tree: &mut Tree<ViewId>, active: ViewId, forward: bool) -> Option<ViewId> {
    let order = panes(tree);
    let last = order.len().checked_sub(1)?;
    let next = match (order.iter().position(|&(_, view)| view == active), forward) {
        (Some(place), true) if place < last => place + 1,
        (None, _) | (_, true) => 0,
        (Some(place), false) => place.checked_sub(1).unwrap_or(last),
    };
    let (_, view) = order[next];
    show(tree, view);
    Some(view)
}

/// Brings the tab of a view to the front.
pub fn show(tree: &mut Tree<ViewId>, view: ViewId) {
    tree.make_active(|_, tile| matches!(tile, Tile::Pane(other) if *other == view));
}

/// The view whose tab is in front where `view` is not: itself if it is in front, else a visible one.
pub(super) fn in_front(tree: &Tree<ViewId>, view: Option<ViewId>) -> Option<ViewId> {
    let visible: BTreeSet<u64> = tree.active_tiles().into_iter().map(|tile| tile.0).collect();
    let order = panes(tree);
    let mut shown = order
        .iter()
        .filter(|(tile, _)| visible.contains(&tile.0))
        .map(|&(_, view)| view);
    match view {
        Some(view) if shown.clone().any(|other| other == view) => Some(view),
        _ => shown.next(),
    }
}

/// Views that are not the first of their picture among their tabs.
pub(super) fn repeats(tree: &Tree<ViewId>, document: &Document) -> BTreeSet<ViewId> {
    let picture = |view: ViewId| document.views.get(&view).and_then(View::picture);
    let mut repeats = BTreeSet::new();
    for tile in tree.tiles.tiles() {
        let Tile::Container(Container::Tabs(tabs)) = tile else {
            continue;
        };
        let mut seen = BTreeSet::new();
        for view in tabs
            .children
            .iter()
            .filter_map(|child| tree.tiles.get_pane(child))
        {
            if !seen.insert(picture(*view)) {
                repeats.insert(*view);
            }
        }
    }
    repeats
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{PictureId, ViewKind};

    fn document(pictures: &[u32]) -> Document {
        let mut document = Document::default();
        for &picture in pictures {
            document.add_view(View::new(ViewKind::Similarity, PictureId(picture)));
        }
        document
    }

    fn order(tree: &Tree<ViewId>) -> Vec<u32> {
        panes(tree).into_iter().map(|(_, view)| view.0).collect()
    }

    /// Shares of the room that the children of the root have, in their order.
    fn shares(tree: &Tree<ViewId>) -> Vec<f32> {
        match tree.root.and_then(|root| tree.tiles.get_container(root)) {
            Some(Container::Linear(linear)) => {
                let all: f32 = linear
                    .children
                    .iter()
                    .map(|&child| linear.shares[child])
                    .sum();
                linear
                    .children
                    .iter()
                    .map(|&child| linear.shares[child] / all)
                    .collect()
            }
            _ => vec![1.0],
        }
    }

    fn tabs_of(tree: &Tree<ViewId>, view: u32) -> usize {
        let tile = tree.tiles.find_pane(&ViewId(view)).unwrap();
        let parent = tree.tiles.parent_of(tile).unwrap();
        tree.tiles.get_container(parent).unwrap().num_children()
    }

    fn views(document: &Document) -> Vec<ViewId> {
        document.views.keys().copied().collect()
    }

    #[test]
    fn new_views_become_tabs_beside_the_active_one() {
        let mut tree = empty();
        let mut document = document(&[7]);
        assert_eq!(reconcile(&mut tree, &views(&document), None), [ViewId(1)]);
        split(&mut tree, ViewId(1), ViewId(2));
        document.add_view(View::new(ViewKind::Similarity, PictureId(8)));
        document.add_view(View::new(ViewKind::Pca, PictureId(7)));
        assert_eq!(
            reconcile(&mut tree, &views(&document), Some(ViewId(1))),
            [ViewId(3)]
        );
        assert_eq!(order(&tree), [1, 3, 2]);
        assert_eq!([tabs_of(&tree, 1), tabs_of(&tree, 2)], [2, 1]);
        assert_eq!(repeats(&tree, &document), BTreeSet::from([ViewId(3)]));
        assert_eq!(in_front(&tree, Some(ViewId(3))), Some(ViewId(3)));
        assert_eq!(reconcile(&mut tree, &views(&document), Some(ViewId(3))), []);
    }

    #[test]
    fn what_is_there_keeps_its_place_and_what_is_gone_goes() {
        let mut tree = empty();
        let mut document = document(&[1, 2, 3]);
        reconcile(&mut tree, &views(&document), None);
        let before = tree.tiles.find_pane(&ViewId(3));
        document.views.remove(&ViewId(2));
        reconcile(&mut tree, &views(&document), Some(ViewId(2)));
        assert_eq!(order(&tree), [1, 3]);
        assert_eq!(tree.tiles.find_pane(&ViewId(3)), before);
        reconcile(&mut tree, &[], None);
        assert!(tree.is_empty());
    }

    #[test]
    fn a_view_that_a_damaged_file_holds_twice_gets_one_pane() {
        let mut tree = Tree::new_tabs(Id::unique("damaged"), vec![ViewId(1), ViewId(1), ViewId(9)]);
        reconcile(&mut tree, &[ViewId(1)], None);
        assert_eq!(order(&tree), [1]);
    }

    #[test]
    fn a_split_shares_the_room_of_one_pane_and_leaves_the_others_alone() {
        let mut tree = empty();
        reconcile(&mut tree, &views(&document(&[1])), None);
        split(&mut tree, ViewId(1), ViewId(2));
        split_at(&mut tree, ViewId(2), Side::Right, ViewId(3));
        assert_eq!(order(&tree), [1, 2, 3]);
        assert_eq!(shares(&tree), [0.5, 0.25, 0.25]);
        split_at(&mut tree, ViewId(1), Side::Below, ViewId(4));
        split_at(&mut tree, ViewId(1), Side::Left, ViewId(5));
        assert_eq!(order(&tree), [5, 1, 4, 2, 3]);
        tree.simplify(&RULES);
        assert_eq!(order(&tree), [5, 1, 4, 2, 3]);
        assert_eq!(shares(&tree), [0.5, 0.25, 0.25]);
    }

    #[test]
    fn a_closed_tab_hands_over_to_its_neighbor() {
        let mut tree = empty();
        let mut document = document(&[1, 1, 1]);
        reconcile(&mut tree, &views(&document), None);
        show(&mut tree, ViewId(2));
        document.views.remove(&ViewId(2));
        reconcile(&mut tree, &views(&document), Some(ViewId(2)));
        assert_eq!(in_front(&tree, Some(ViewId(2))), Some(ViewId(3)));
    }

    #[test]
    fn the_next_tab_goes_around_and_comes_to_the_front() {
        let mut tree = empty();
        reconcile(&mut tree, &views(&document(&[1, 1, 2])), None);
        let mut active = ViewId(1);
        let mut visited = Vec::new();
        for forward in [true, true, true, false, false] {
            active = next_tab(&mut tree, active, forward).unwrap();
            assert_eq!(in_front(&tree, Some(active)), Some(active));
            visited.push(active.0);
        }
        assert_eq!(visited, [2, 3, 1, 3, 2]);
        assert_eq!(next_tab(&mut empty(), ViewId(1), true), None);
    }

    #[test]
    fn a_moved_view_stands_at_the_side_that_was_asked_for() {
        let mut tree = empty();
        reconcile(&mut tree, &views(&document(&[1, 1])), None);
        move_beside(&mut tree, ViewId(1), Side::Left, ViewId(2));
        assert_eq!(order(&tree), [2, 1]);
        assert_eq!(tabs_of(&tree, 1), 1);
        move_beside(&mut tree, ViewId(1), Side::Left, ViewId(1));
        assert_eq!(order(&tree), [2, 1]);
    }
}
