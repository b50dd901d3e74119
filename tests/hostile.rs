//! Damaged and malicious files: one line on stderr, exit status 1, nothing written, nothing executed.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot handle its own files has failed"
)]

use std::fs;

use safetensors::tensor::TensorView;

use crate::golden::Case;
use crate::room::{Room, Tensors, tensors};

const FEATURES: &str = "features image.png --size native -o out --model";

impl Room {
    /// Replaces the weights of the folder `model`.
    fn put_weights(&self, tensors: &Tensors) {
        let views = tensors.iter().map(|(name, (dtype, shape, data))| {
            (name, TensorView::new(*dtype, shape.clone(), data).unwrap())
        });
        let bytes = safetensors::serialize(views, None).unwrap();
        self.write("model/model.safetensors", bytes);
    }

    /// Runs a command that must fail, name the culprit and leave no output; `out` is what it would write.
    fn refuses(&self, arguments: &str, culprit: &str) {
        let before = self.files(".");
        let error = self.fails(arguments);
        assert!(error.contains(culprit), "{culprit} is not named: {error}");
        let mut after = self.files(".");
        after.retain(|name| name != ".home" || before.contains(name));
        assert_eq!(after, before, "{arguments}");
    }
}

#[test]
fn a_missing_tensor_is_named_whichever_it_is() {
    for case in Case::below("backbones") {
        let room = Room::with_backbone(&case);
        let whole = tensors(&room.path("model/model.safetensors"));
        for name in whole.keys() {
            let mut damaged = whole.clone();
            damaged.remove(name);
            room.put_weights(&damaged);
            room.refuses(&format!("{FEATURES} model"), name);
        }
    }
}

#[test]
fn a_renamed_tensor_is_missing_under_its_name() {
    for case in Case::below("backbones") {
        let room = Room::with_backbone(&case);
        let whole = tensors(&room.path("model/model.safetensors"));
        for name in whole.keys().step_by(7) {
            let mut damaged = whole.clone();
            let tensor = damaged.remove(name).unwrap();
            damaged.insert(format!("{name}_renamed"), tensor);
            room.put_weights(&damaged);
            room.refuses(&format!("{FEATURES} model"), name);
        }
    }
}

#[test]
fn a_tensor_of_the_wrong_shape_is_named_with_both_shapes() {
    for case in Case::below("backbones") {
        let room = Room::with_backbone(&case);
        let whole = tensors(&room.path("model/model.safetensors"));
        for (name, (dtype, shape, _)) in whole.iter().step_by(7) {
            let mut wrong = shape.clone();
            *wrong.last_mut().unwrap() += 1;
            let bytes = wrong.iter().product::<usize>() * 4;
            let mut damaged = whole.clone();
            damaged.insert(name.clone(), (*dtype, wrong.clone(), vec![0; bytes]));
            room.put_weights(&damaged);
            room.refuses(&format!("{FEATURES} model"), name);
            room.refuses(&format!("{FEATURES} model"), &format!("{wrong:?}"));
        }
    }
}

#[test]
fn damaged_weights_cannot_be_converted_but_can_be_described() {
    let room = Room::with_backbone(&Case::below("backbones")[0]);
    let mut damaged = tensors(&room.path("model/model.safetensors"));
    let (name, _) = damaged.pop_last().unwrap();
    room.put_weights(&damaged);
    room.refuses("model convert model out.safetensors --layout meta", &name);
    let info = room.json("model info model");
    assert_eq!(info["tensors"]["missing"], 1);
    assert!(info["report"].to_string().contains(&name), "{info}");
}

#[test]
fn a_truncated_checkpoint_is_refused_wherever_it_ends() {
    for case in Case::below("backbones") {
        let room = Room::with_backbone(&case);
        let whole = room.read("model/model.safetensors");
        for length in [0, 4, 8, 9, 500, whole.len() / 2, whole.len() - 1] {
            room.write("model/model.safetensors", &whole[..length]);
            room.refuses(&format!("{FEATURES} model"), "model.safetensors");
        }
    }
    for case in Case::below("meta_vit") {
        let room = Room::new();
        room.picture("image.png", (64, 64), 1);
        let whole = fs::read(crate::golden::folder().join(case).join("model.pth")).unwrap();
        for length in [0, 4, 100, whole.len() / 2, whole.len() - 1] {
            room.write("model.pth", &whole[..length]);
            room.refuses(&format!("{FEATURES} model.pth"), "model.pth");
        }
    }
}

#[test]
fn files_that_only_claim_to_be_checkpoints_are_refused() {
    let room = Room::new();
    room.picture("image.png", (64, 64), 1);
    let huge = [u64::MAX.to_le_bytes().as_slice(), b"{}"].concat();
    for (name, content) in [
        (
            "text.safetensors",
            b"These are no weights.\nThey only say so.\n".to_vec(),
        ),
        ("text.pth", b"These are no weights.\n".to_vec()),
        ("header.safetensors", huge),
        ("image.safetensors", room.read("image.png")),
        ("image.pth", room.read("image.png")),
    ] {
        room.write(name, content);
        room.refuses(&format!("{FEATURES} {name}"), name);
        let error = room.fails(&format!("model info {name}"));
        assert!(error.contains(name), "{error}");
    }
    fs::create_dir(room.path("empty")).unwrap();
    room.refuses(&format!("{FEATURES} empty"), "empty");
    room.refuses(&format!("{FEATURES} absent"), "absent");
    room.write("list.safetensors", b"\x02\0\0\0\0\0\0\0[]");
    room.refuses(&format!("{FEATURES} list.safetensors"), "list.safetensors");
}

#[test]
fn a_pickle_that_would_run_code_is_refused_and_does_not_run() {
    let room = Room::new();
    room.picture("image.png", (64, 64), 1);
    let marker = room.path("marker");
    // GLOBAL os.system, its argument, REDUCE: what a pickle of a class with `__reduce__` holds.
    let pickle = format!("cos\nsystem\n(V: > {}\ntR.", marker.display()).into_bytes();
    let builtin = format!(
        "c__builtin__\neval\n(Vopen({:?}, 'w')\ntR.",
        marker.display()
    )
    .into_bytes();
    for (global, pickle) in [("os.system", pickle), ("__builtin__.eval", builtin)] {
        room.write("zip.pth", zip("archive/data.pkl", &pickle));
        room.refuses(&format!("{FEATURES} zip.pth"), "zip.pth");
        room.refuses(&format!("{FEATURES} zip.pth"), global);
        room.refuses("model convert zip.pth out.safetensors", global);
        room.refuses("model info zip.pth", global);
        room.write("flat.pth", &pickle);
        room.refuses(&format!("{FEATURES} flat.pth"), "flat.pth");
        assert!(!marker.exists(), "the pickle ran");
    }
}

#[test]
fn hostile_pictures_are_refused_by_every_command() {
    let room = Room::with_backbone(&Case::below("backbones")[0]);
    room.write("bomb.png", png_header(60_000, 60_000));
    room.write("empty.jpg", "");
    room.write("text.png", "no picture");
    let whole = room.read("image.png");
    room.write("cut.png", &whole[..whole.len() / 2]);
    fs::create_dir(room.path("folder.png")).unwrap();
    for picture in [
        "bomb.png",
        "empty.jpg",
        "text.png",
        "cut.png",
        "folder.png",
        "absent.png",
    ] {
        for command in [
            format!("features {picture} -o out"),
            format!("pca {picture} -o out"),
            format!("pca {picture} -o out --save-basis basis"),
            format!("similarity {picture} --at 1,1 -o out.png --values out.npy"),
            format!("similarity image.png --at 1,1 -o out.png --against {picture}"),
            format!("match {picture} image.png -o out.csv --figure out.png"),
            format!("match image.png {picture} -o out.csv --figure out.png"),
        ] {
            room.refuses(&format!("{command} --size 64 --model model"), picture);
        }
    }
}

#[test]
fn a_header_of_too_many_pixels_says_how_many() {
    let room = Room::with_backbone(&Case::below("backbones")[0]);
    room.write("bomb.png", png_header(60_000, 60_000));
    let error = room.fails("features bomb.png --model model -o out");
    assert!(error.contains("60000"), "{error}");
}

/// A PNG that declares its size and holds no pixels.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let rgb8 = [8, 2, 0, 0, 0];
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &rgb8].concat();
    // The smallest zlib stream: it ends before the first pixel.
    let nothing = [0x78, 0x9c, 3, 0, 0, 0, 0, 1];
    for (kind, data) in [(b"IHDR", &header[..]), (b"IDAT", &nothing), (b"IEND", &[])] {
        let content = [&kind[..], data].concat();
        png.extend((data.len() as u32).to_be_bytes());
        png.extend(&content);
        png.extend(crc32(&content).to_be_bytes());
    }
    png
}

/// A ZIP archive with one stored file.
fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    let (length, name_length) = (
        (content.len() as u32).to_le_bytes(),
        (name.len() as u16).to_le_bytes(),
    );
    // Version 2.0, no flags, stored, 1980-01-01; then checksum, both sizes, lengths of the name and of no extra field.
    let shared = [
        &[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0][..],
        &crc32(content).to_le_bytes(),
        &length,
        &length,
        &name_length,
        &[0, 0],
    ]
    .concat();
    let local = [b"PK\x03\x04", &shared[..], name.as_bytes(), content].concat();
    let central = [b"PK\x01\x02\x14\0", &shared[..], &[0; 14], name.as_bytes()].concat();
    let end = [
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0",
        &(central.len() as u32).to_le_bytes()[..],
        &(local.len() as u32).to_le_bytes(),
        &[0, 0],
    ];
    [local, central, end.concat()].concat()
}

/// Checksum of PNG and ZIP.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        let shift = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1));
        (0..8).fold(crc ^ u32::from(byte), shift)
    })
}
