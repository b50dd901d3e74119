//! Points that the user placed, carried over to the other picture.

use std::fmt::Write as _;
use std::sync::Arc;

use dinoscope_engine::analysis::Patch;
use dinoscope_engine::analysis::cosine::cosine;
use dinoscope_engine::analysis::similarity::{top_k, unit_patches};
use egui::{Align2, FontId, Rect, Sense, Stroke, Ui, Vec2};
use serde_json::{Value, json};

use super::{add_keypoint, on_screen, places, refined};
use crate::cx::Cx;
use crate::document::{Keypoint, PictureId, ViewId};
use crate::session::Ready;
use crate::theme::{ON_PICTURE, PIN_THIRD};
use crate::views::picture::{self, Shown};

/// Side of what is touched, in points.
const TARGET: f32 = 28.0;

/// A click on the first picture places a point.
pub(super) fn gestures(
    cx: &mut Cx<'_>,
    id: ViewId,
    shown: &[Option<Shown>; 2],
    pair: [PictureId; 2],
) {
    let Some(first) = &shown[0] else { return };
    let placed: Vec<[f64; 2]> = first.frame.gestures.iter().filter_map(places).collect();
    for at in placed {
        add_keypoint(cx, id, pair, at);
    }
}

/// Where a point is in the other picture: where the user put it, or where the features find it.
pub fn carried(point: &Keypoint, here: &Ready, there: &Ready) -> Option<[f64; 2]> {
    if let Some(b) = point.b {
        return Some(b);
    }
    let (row, col) = here.layer.grid.patch_at(point.a[0], point.a[1])?;
    let query = unit_patches(&here.layer.patches, &[Patch { row, col }])
        .ok()?
        .into_iter()
        .next()?;
    if query.len() != there.layer.patches.dim() {
        return None;
    }
    let best = top_k(&cosine(&there.layer.patches, &query), 1)
        .first()?
        .patch;
    Some(refined(&query, there, best))
}

/// Draws the points on both pictures and takes what is done to them.
pub(super) fn points_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    id: ViewId,
    shown: &[Option<Shown>; 2],
    pair: [PictureId; 2],
) {
    let points = cx.document.settings(id).matches.keypoints.clone();
    if points.iter().all(|point| point.pair != pair) {
        return;
    }
    let ready: Vec<Option<Arc<Ready>>> = pair
        .iter()
        .map(|&picture| picture::features(cx, id, picture).ready().cloned())
        .collect();
    for (index, point) in points
        .iter()
        .enumerate()
        .filter(|(_, point)| point.pair == pair)
    {
        if let Some(first) = &shown[0] {
            handle(ui, cx, first, (id, index), (&point.name, point.a), 0);
        }
        if let (Some(second), Some(here), Some(there)) = (&shown[1], &ready[0], &ready[1])
            && let Some(b) = carried(point, here, there)
        {
            handle(ui, cx, second, (id, index), (&point.name, b), 1);
        }
    }
}

fn handle(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    shown: &Shown,
    (id, index): (ViewId, usize),
    (name, at): (&str, [f64; 2]),
    place: usize,
) {
    let center = on_screen(shown, at);
    if !shown.frame.rect().contains(center) {
        return;
    }
    let target = Rect::from_center_size(center, Vec2::splat(TARGET));
    let salt = ("keypoint", index, place);
    let response = ui.interact(
        target,
        shown.frame.response.id.with(salt),
        Sense::click_and_drag(),
    );
    let painter = ui.painter_at(shown.frame.rect());
    let half = 9.0;
    let corners = vec![
        center - egui::vec2(0.0, half),
        center + egui::vec2(half, 0.0),
        center + egui::vec2(0.0, half),
        center - egui::vec2(half, 0.0),
    ];
    painter.add(egui::Shape::convex_polygon(
        corners,
        PIN_THIRD.fill,
        Stroke::new(1.5, ON_PICTURE.line),
    ));
    let font = FontId::new(10.0, crate::fonts::semibold());
    painter.text(center, Align2::CENTER_CENTER, name, font, PIN_THIRD.sign);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name));
    if response.clicked() || response.drag_started() {
        response.request_focus();
        cx.state.presentation.active = Some(id);
    }
    if response.dragged()
        && let Some(to) = response.interact_pointer_pos()
    {
        let to = shown.frame.transform.to_picture(to);
        let limit = (shown.frame.size_px - Vec2::splat(1e-3)).to_pos2();
        let to = to.clamp(egui::Pos2::ZERO, limit);
        let to = [f64::from(to.x), f64::from(to.y)];
        cx.drag(
            "edit-move-keypoint",
            format!("keypoint-{index}-{place}"),
            move |document| {
                if let Some(point) = document.settings_mut(id).matches.keypoints.get_mut(index) {
                    if place == 0 {
                        point.a = to;
                    } else {
                        point.b = Some(to);
                    }
                }
            },
        );
    }
    let deletes = ui.input(|input| {
        input.key_pressed(egui::Key::Delete) || input.key_pressed(egui::Key::Backspace)
    });
    if (response.has_focus() && deletes) || response.secondary_clicked() {
        cx.edit("edit-remove-keypoint", move |document| {
            let points = &mut document.settings_mut(id).matches.keypoints;
            if index < points.len() {
                points.remove(index);
            }
        });
    }
}

/// Keypoints as CSV: name, then x and y in pixels of the first and of the second picture.
pub fn csv(points: &[(String, [f64; 2], [f64; 2])]) -> String {
    let mut text = String::from("name,ax,ay,bx,by\n");
    for (name, [ax, ay], [bx, by]) in points {
        let quoted = if name.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", name.replace('"', "\"\""))
        } else {
            name.clone()
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{quoted},{ax},{ay},{bx},{by}");
    }
    text
}

/// Keypoints of both pictures in the layout of COCO: one annotation a picture, `[x, y, 2]` a point.
pub fn coco(pictures: [(&str, (u32, u32)); 2], points: &[(String, [f64; 2], [f64; 2])]) -> Value {
    let images: Vec<Value> = pictures
        .iter()
        .zip(1..)
        .map(|((name, (width, height)), id)| json!({ "id": id, "file_name": name, "width": width, "height": height }))
        .collect();
    let annotation = |place: usize| {
        let at = |point: &(String, [f64; 2], [f64; 2])| if place == 0 { point.1 } else { point.2 };
        let keypoints: Vec<Value> = points
            .iter()
            .flat_map(|point| {
                let [x, y] = at(point);
                [json!(x), json!(y), json!(2)]
            })
            .collect();
        json!({
            "id": place + 1, "image_id": place + 1, "category_id": 1,
            "num_keypoints": points.len(), "keypoints": keypoints,
        })
    };
    json!({
        "info": { "description": "Keypoints carried over by Dinoscope", "version": env!("CARGO_PKG_VERSION") },
        "images": images,
        "annotations": [annotation(0), annotation(1)],
        "categories": [{
            "id": 1, "name": "keypoints", "supercategory": "keypoints",
            "keypoints": points.iter().map(|point| &point.0).collect::<Vec<_>>(), "skeleton": [],
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_has_a_line_a_point_whatever_its_name() {
        let points = [
            ("beak".to_owned(), [1.5, 2.0], [30.0, 40.5]),
            ("a \"b\", c".to_owned(), [0.0, 1.0], [2.0, 3.0]),
        ];
        let expected = "name,ax,ay,bx,by\nbeak,1.5,2,30,40.5\n\"a \"\"b\"\", c\",0,1,2,3\n";
        assert_eq!(csv(&points), expected);
    }

    #[test]
    fn coco_has_three_numbers_a_point_in_both_pictures() {
        let points = [("beak".to_owned(), [1.5, 2.0], [30.0, 40.5])];
        let made = coco([("a.png", (8, 6)), ("b.png", (80, 60))], &points);
        assert_eq!(made["annotations"][1]["keypoints"], json!([30.0, 40.5, 2]));
        assert_eq!(made["annotations"][0]["image_id"], json!(1));
        assert_eq!(made["categories"][0]["keypoints"], json!(["beak"]));
        assert_eq!(made["images"][1]["width"], json!(80));
    }
}
