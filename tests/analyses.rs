//! Similarity, principal components and matches as the command line writes them.

use std::fs;

use crate::golden::Case;
use crate::room::{Room, npy};

#[test]
fn a_similarity_map_is_one_at_its_query() {
    let room = Room::new();
    room.picture("a.png", (96, 64), 1);
    fs::copy(room.path("a.png"), room.path("twin.png")).unwrap();
    room.picture("b.png", (64, 80), 2);
    let json = room.json(
        "similarity a.png --at 40,20 --size native --values v.npy -o s.png --top 3 --against twin.png b.png",
    );
    let (shape, values) = npy(&room.read("v.npy"));
    assert_eq!(shape, [4, 6]);
    let query = 6 + 2;
    assert!((values[query] - 1.0).abs() < 1e-5, "{values:?}");
    let others = values.iter().enumerate().filter(|(i, _)| *i != query);
    assert!(
        others
            .clone()
            .all(|(_, value)| value.abs() <= 1.0 && *value < values[query]),
        "{values:?}"
    );
    let top = json["results"][0]["top"].as_array().unwrap();
    let similarities: Vec<f64> = top
        .iter()
        .map(|peak| peak["similarity"].as_f64().unwrap())
        .collect();
    assert_eq!(top.len(), 3);
    assert_eq!(
        [&top[0]["row"], &top[0]["col"], &top[0]["x"], &top[0]["y"]],
        [1.0, 2.0, 40.0, 24.0]
    );
    assert!(similarities.is_sorted_by(|a, b| a >= b), "{similarities:?}");
    let second = others.fold(f32::MIN, |most, (_, value)| most.max(*value));
    assert!((similarities[1] - f64::from(second)).abs() < 1e-6);
    assert_eq!(npy(&room.read("v-twin.npy")).1, values);
    assert_eq!(npy(&room.read("v-b.npy")).0, [5, 4]);
    assert_eq!(json["results"].as_array().unwrap().len(), 3);
}

#[test]
fn negative_prompts_are_subtracted_and_a_radius_leaves_patches_out() {
    let room = Room::new();
    room.picture("a.png", (96, 64), 1);
    let map = |name: &str, prompts: &str| {
        room.succeeds(&format!(
            "similarity a.png {prompts} --size native --values {name}.npy"
        ));
        npy(&room.read(&format!("{name}.npy"))).1
    };
    let (at, not) = (map("at", "--at 8,8"), map("not", "--at 88,56"));
    let both = map("both", "--at 8,8 --not 88,56");
    for ((at, not), both) in at.iter().zip(&not).zip(&both) {
        assert!((at - not - both).abs() < 1e-5, "{at} - {not}, found {both}");
    }
    let mean = map("mean", "--at 8,8 --at 88,56");
    for ((at, not), mean) in at.iter().zip(&not).zip(&mean) {
        assert!((f32::midpoint(*at, *not) - mean).abs() < 1e-5);
    }
    let around = map("around", "--at 8,8 --exclude-radius 1");
    let left_out: Vec<usize> = (0..24).filter(|&i| around[i].is_nan()).collect();
    assert_eq!(left_out, [0, 1, 6]);
    assert!((0..24).all(|i| around[i].is_nan() || (around[i] - at[i]).abs() < 1e-6));
}

#[test]
fn a_saved_basis_gives_the_same_colors() {
    let room = Room::new();
    room.picture("a.png", (96, 64), 1);
    room.picture("b.png", (64, 80), 2);
    let json = room.json("pca a.png b.png --size native -o joint --values --save-basis basis");
    assert_eq!(room.files("joint"), ["a.npy", "a.png", "b.npy", "b.png"]);
    assert_eq!(npy(&room.read("joint/a.npy")).0, [4, 6, 3]);
    assert_eq!(npy(&room.read("joint/b.npy")).0, [5, 4, 3]);
    let variance: Vec<f64> =
        serde_json::from_value(json["explained_variance_ratio"].clone()).unwrap();
    assert_eq!(variance.len(), 3);
    assert!(
        variance.is_sorted_by(|a, b| a >= b) && variance.iter().sum::<f64>() <= 1.0,
        "{variance:?}"
    );
    room.succeeds("pca a.png --size native -o frozen --values frozen.npy --basis basis");
    room.succeeds("pca a.png --size native -o own");
    // A bare `--values` takes no picture away.
    room.succeeds("pca --values b.png --size native -o bare");
    assert_eq!(room.files("bare"), ["b.npy", "b.png"]);
    let pixels = |name: &str| image::open(room.path(name)).unwrap().to_rgb8();
    assert!(
        pixels("frozen/a.png") == pixels("joint/a.png"),
        "the frozen basis colors differently"
    );
    assert!(
        pixels("own/a.png") != pixels("joint/a.png"),
        "the joint basis is that of one picture"
    );
    assert_eq!(
        npy(&room.read("frozen.npy")),
        npy(&room.read("joint/a.npy"))
    );
}

#[test]
fn joint_values_are_those_of_one_basis() {
    let room = Room::new();
    room.picture("a.png", (96, 64), 1);
    room.picture("b.png", (64, 80), 2);
    room.succeeds("pca a.png b.png --size native -o joint --save-basis basis");
    for name in ["a", "b"] {
        room.succeeds(&format!(
            "pca {name}.png --size native -o frozen --basis basis --values {name}.npy"
        ));
    }
    // Joint components are centered over all patches of both pictures together, not over those of either.
    let values = ["a", "b"].map(|name| npy(&room.read(&format!("{name}.npy"))).1);
    for component in 0..3 {
        let of = |values: &[f32]| {
            values
                .iter()
                .skip(component)
                .step_by(3)
                .map(|&v| f64::from(v))
                .sum::<f64>()
        };
        let sums = values.each_ref().map(|values| of(values));
        let size: f64 = values.iter().flatten().map(|&v| f64::from(v).abs()).sum();
        assert!((sums[0] + sums[1]).abs() < 1e-4 * size, "{sums:?}");
    }
}

#[test]
fn a_picture_matches_itself_patch_by_patch() {
    let room = Room::new();
    room.picture("a.png", (96, 64), 1);
    room.succeeds("match a.png a.png --size native -o m.csv --figure m.png");
    let csv = String::from_utf8(room.read("m.csv")).unwrap();
    let mut lines = csv.lines();
    assert_eq!(
        lines.next(),
        Some("ax,ay,bx,by,similarity,mutual,cycle_error_px")
    );
    let mut centers = Vec::new();
    for line in lines {
        let fields: Vec<f64> = line
            .split(',')
            .map(|field| field.parse().unwrap())
            .collect();
        let [ax, ay, bx, by, similarity, mutual, cycle_error_px] = fields[..] else {
            panic!("{line}")
        };
        assert_eq!((ax, ay), (bx, by), "{line}");
        assert!((similarity - 1.0).abs() < 1e-5, "{line}");
        assert_eq!((mutual, cycle_error_px), (1.0, 0.0), "{line}");
        centers.push((ay, ax));
    }
    let grid = (0..4).flat_map(|row| {
        (0..6).map(move |col| (8.0 + 16.0 * f64::from(row), 8.0 + 16.0 * f64::from(col)))
    });
    centers.sort_by(|a, b| a.partial_cmp(b).unwrap());
    assert_eq!(centers, grid.collect::<Vec<_>>());
    let printed = room.succeeds(
        "match a.png a.png --size native --points 50,20 3,60 --mutual --refine --stratify 4",
    );
    assert_eq!(printed.stdout.lines().count(), 3, "{}", printed.stdout);
}

#[test]
fn a_point_means_the_same_place_at_every_layer() {
    // Earlier stages of a ConvNeXt have finer grids than the last one.
    for case in Case::below("backbones") {
        let room = Room::with_backbone(&case);
        let (width, height) = image::image_dimensions(room.path("image.png")).unwrap();
        for layer in ["0", "1", "last"] {
            let options = format!("--model model --size native --layer {layer}");
            let (x, y) = (width - 20, height - 20);
            room.succeeds(&format!(
                "similarity image.png --at {x},{y} --values {layer}.npy {options}"
            ));
            let (shape, values) = npy(&room.read(&format!("{layer}.npy")));
            let [rows, cols] = shape[..] else {
                panic!("{shape:?}")
            };
            let (patch_px, best) = (
                u64::from(height) / rows,
                values.iter().copied().fold(f32::MIN, f32::max),
            );
            let query = u64::from(y) / patch_px * cols + u64::from(x) / patch_px;
            assert!(
                (values[query as usize] - best).abs() < 1e-5,
                "{case}, layer {layer}: the query is elsewhere"
            );
            room.succeeds(&format!(
                "match image.png image.png -o {layer}.csv {options}"
            ));
            let csv = String::from_utf8(room.read(&format!("{layer}.csv"))).unwrap();
            let last = csv.lines().last().unwrap().split(',');
            let last: Vec<f64> = last.take(2).map(|field| field.parse().unwrap()).collect();
            let half = patch_px as f64 / 2.0;
            assert_eq!(
                last,
                [f64::from(width) - half, f64::from(height) - half],
                "{case}, layer {layer}"
            );
        }
    }
}

#[test]
fn every_analysis_runs_by_its_name_and_writes_its_files() {
    let room = Room::new();
    room.picture("a.png", (96, 64), 1);
    room.picture("b.png", (64, 80), 2);
    let list = room.json("analyze");
    let all = list["analyses"].as_array().unwrap();
    assert!(all.len() >= 10, "{all:?}");
    for analysis in all {
        let name = analysis["name"].as_str().unwrap();
        let settings = match name {
            "similarity" => " --set at=40,20 --set top=2",
            "region" => " --set points=8,8;60,40",
            _ => "",
        };
        let json = room.json(&format!(
            "analyze {name} a.png b.png{settings} --size native -o {name} --values npy"
        ));
        assert_eq!(json["analysis"], name);
        let results = json["results"].as_array().unwrap();
        assert!(!results.is_empty(), "{name}");
        for result in results {
            let figure = image::open(room.path(result["figure"].as_str().unwrap())).unwrap();
            let (rows, cols) = (
                result["rows"].as_u64().unwrap(),
                result["cols"].as_u64().unwrap(),
            );
            // The map stands at the origin in its picture's size; legend and bar lie below.
            assert!(figure.width() >= cols as u32 * 8 && figure.height() > rows as u32 * 8);
            let (shape, _) = npy(&room.read(result["values"].as_str().unwrap()));
            assert_eq!(shape[..2], [rows, cols], "{name}");
        }
        // A second run would replace them.
        room.fails(&format!(
            "analyze {name} a.png b.png{settings} --size native -o {name}"
        ));
    }
    let error = room.fails("analyze similraity a.png");
    assert!(error.contains("expected one of similarity"), "{error}");
    let error = room.fails("analyze clusters a.png --set clutsers=3 --size native");
    assert!(error.contains("did you mean clusters?"), "{error}");
}

#[test]
fn a_figure_tells_how_it_was_made_in_both_formats() {
    use dinoscope_engine::figure::read_recipe;
    let room = Room::new();
    room.picture("a.png", (96, 64), 1);
    for name in ["s.png", "s.svg"] {
        room.succeeds(&format!(
            "similarity a.png --at 40,20 --not 8,8 --size native -o {name} --colormap magma"
        ));
        let recipe = read_recipe(&room.path(name)).unwrap();
        assert_eq!(recipe.title, "similarity");
        assert_eq!(recipe.pictures, ["a.png"]);
        assert_eq!(
            recipe.settings["similarity"]["at"],
            serde_json::json!([[40.0, 20.0]])
        );
        assert_eq!(recipe.settings["look"]["colormap"], "magma");
        assert!(!recipe.provenance.sha256.is_empty());
    }
    room.succeeds("similarity a.png --at 40,20 --size native -o large.png --scale 3 --no-legend");
    room.succeeds("similarity a.png --at 40,20 --size native -o small.png --no-legend");
    let size = |name: &str| image::image_dimensions(room.path(name)).unwrap();
    let ((large, _), (small, _)) = (size("large.png"), size("small.png"));
    assert_eq!(large, small * 3);
    let error = room.fails("similarity a.png --at 40,20 --size native -o s.jpg");
    assert!(error.contains(".png or .svg"), "{error}");
}

#[test]
fn values_are_written_in_every_format() {
    let room = Room::new();
    room.picture("a.png", (96, 64), 1);
    for ending in ["npy", "csv", "safetensors"] {
        room.succeeds(&format!(
            "similarity a.png --at 40,20 --size native --values v.{ending}"
        ));
    }
    let (_, values) = npy(&room.read("v.npy"));
    let csv = String::from_utf8(room.read("v.csv")).unwrap();
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("row,col,x,y,value"));
    for (line, value) in lines.zip(&values) {
        let last: f32 = line.rsplit(',').next().unwrap().parse().unwrap();
        assert_eq!(last.to_bits(), value.to_bits(), "{line}");
    }
    let bytes = room.read("v.safetensors");
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let recipe = &header.metadata().as_ref().unwrap()["recipe"];
    assert!(recipe.contains("\"similarity\""), "{recipe}");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(tensors.tensor("values").unwrap().shape(), [4, 6]);
}
