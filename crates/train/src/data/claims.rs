//! What must not happen: twins, threads that leave their reader waiting, pictures that are none.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};

use super::*;
use crate::config::{Config, Data};

fn save(path: &Path, level: u8) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_pixel(4, 3, Rgb([level, 0, 0]))
        .save(path)
        .unwrap();
}

/// Pictures `0..count` in a manifest; the first `named` are of the set "web".
fn mixed(folder: &Path, count: usize, named: usize) -> DataSet {
    let manifest = folder.join("m.csv");
    let mut text = String::from("path,set\n");
    for index in 0..count {
        let set = if index < named { "web" } else { "" };
        writeln!(text, "{index:07}.png,{set}").unwrap();
    }
    std::fs::write(&manifest, text).unwrap();
    DataSet::open(&Source {
        manifest,
        ..Source::default()
    })
    .unwrap()
}

/// Batches of `batch`, a share of them of the set "web" alone.
fn order(data: &DataSet, batch: usize, share: f64) -> Result<Order, DataError> {
    Order::mixed(1, batch, data, (&["web".to_owned()], share))
}

fn settings() -> LoaderSettings {
    LoaderSettings {
        threads: 1,
        ahead: 2,
        cache_bytes: 0,
        max_broken: 0.5,
        seed: 5,
    }
}

/// Whether `next` comes back within five seconds.
fn comes_back(data: DataSet, order: Order) -> bool {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut loader = Loader::start(Arc::new(data), order, 0, settings(), |_, _, _| ()).unwrap();
        let _ = sender.send(loader.next().is_err());
    });
    receiver.recv_timeout(Duration::from_secs(5)).is_ok()
}

#[test]
fn order_over_many_named_pictures_is_quick() {
    let folder = tempfile::tempdir().unwrap();
    let data = mixed(folder.path(), 100_000, 50_000);
    let since = Instant::now();
    order(&data, 8, 0.1).unwrap();
    assert!(
        since.elapsed() < Duration::from_secs(2),
        "{:?} for 100,000 pictures",
        since.elapsed()
    );
}

#[test]
fn homogeneous_batches_do_not_overflow() {
    let folder = tempfile::tempdir().unwrap();
    let order = order(&mixed(folder.path(), 20, 10), 4, 1.0).unwrap();
    for number in 0..50 {
        assert!(order.batch(number).iter().all(|place| place.index < 10));
    }
}

#[test]
fn a_set_that_lost_its_pictures_does_not_hang() {
    let folder = tempfile::tempdir().unwrap();
    let data = mixed(folder.path(), 20, 2).subset(&[5, 6, 7, 8]);
    let error = order(&data, 2, 1.0).unwrap_err().to_string();
    assert!(error.starts_with("set \"web\" has 0 pictures"), "{error}");
}

#[test]
fn no_pictures_do_not_hang() {
    let error = Order::mixed(1, 2, &DataSet::default(), (&[], 0.0)).unwrap_err();
    assert!(
        error.to_string().starts_with("the data has 0 pictures"),
        "{error}"
    );
    // Even an order that panics ends as an error of the batch.
    assert!(
        comes_back(DataSet::default(), Order::plain(1, 2, 0)),
        "the reader waits forever"
    );
}

#[test]
fn replacements_make_no_twins() {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..24_u8 {
        save(&folder.path().join(format!("{index:03}.png")), index);
    }
    std::fs::write(folder.path().join("007.png"), "no").unwrap();
    let data = Arc::new(
        DataSet::open(&Source {
            folder: folder.path().into(),
            ..Source::default()
        })
        .unwrap(),
    );
    let order = Order::plain(3, 8, 24);
    let mut loader = Loader::start(data, order, 0, settings(), |_, _, _| ()).unwrap();
    for _ in 0..60 {
        let mut items = loader.next().unwrap().items;
        items.sort_unstable();
        let count = items.len();
        items.dedup();
        assert_eq!(items.len(), count, "a picture comes twice: {items:?}");
    }
}

#[test]
fn replacements_stay_in_the_batchs_set() {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..20 {
        save(&folder.path().join(format!("{index:07}.png")), index);
    }
    let data = mixed(folder.path(), 20, 10);
    std::fs::write(folder.path().join("0000003.png"), "no").unwrap();
    let order = order(&data, 4, 1.0).unwrap();
    let mut loader = Loader::start(Arc::new(data), order, 0, settings(), |_, _, _| ()).unwrap();
    for _ in 0..20 {
        let items = loader.next().unwrap().items;
        assert!(
            items.iter().all(|&item| item < 10),
            "{items:?} are not all of the set"
        );
    }
}

#[test]
fn masks_below_the_pictures_are_no_pictures() {
    let folder = tempfile::tempdir().unwrap();
    save(&folder.path().join("a.png"), 1);
    save(&folder.path().join("masks/a.png"), 1);
    let data = DataSet::open(&Source {
        folder: folder.path().into(),
        masks: folder.path().join("masks"),
        ..Source::default()
    })
    .unwrap();
    assert_eq!(data.len(), 1, "{data:?}");
}

#[test]
fn held_out_pictures_below_the_folder_are_not_learned_from() {
    let folder = tempfile::tempdir().unwrap();
    save(&folder.path().join("cat/a.png"), 1);
    save(&folder.path().join("test/cat/b.png"), 1);
    let source = Source {
        folder: folder.path().into(),
        without: folder.path().join("test"),
        ..Source::default()
    };
    assert_eq!(DataSet::open(&source).unwrap().len(), 1);
}

#[test]
fn masks_of_equal_names_in_two_folders_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["x", "y"] {
        save(&folder.path().join("p").join(class).join("1.png"), 1);
        save(&folder.path().join("m").join(class).join("1.png"), 1);
    }
    let data = DataSet::open(&Source {
        folder: folder.path().join("p"),
        masks: folder.path().join("m"),
        ..Source::default()
    })
    .unwrap();
    assert_ne!(data.item(0).mask(), data.item(1).mask());
}

#[test]
fn a_picture_of_a_list_is_not_its_own_mask() {
    let folder = tempfile::tempdir().unwrap();
    save(&folder.path().join("p/1.png"), 1);
    save(&folder.path().join("m/1.png"), 1);
    let list = folder.path().join("list.txt");
    std::fs::write(&list, "p/1.png\n").unwrap();
    let masks = folder.path().join("m");
    let data = DataSet::open(&Source {
        list,
        masks: masks.clone(),
        ..Source::default()
    })
    .unwrap();
    assert_eq!(data.item(0).mask(), Some(&*masks.join("1.png")));
}

/// Pictures to learn from and to test with, in folders of the same names, and a folder of masks.
fn with_held_out(folder: &Path) -> Data {
    for part in ["train/x/1.png", "test/x/1.png"] {
        save(&folder.join(part), 1);
    }
    let text = "recipe = \"finetune\"";
    let (mut data, _) = Config::read_data(text, &[]).unwrap();
    data.folder = folder.join("train");
    data.held_out = folder.join("test");
    data.masks = folder.join("masks");
    data
}

#[test]
fn held_out_pictures_have_masks_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let data = with_held_out(folder.path());
    save(&folder.path().join("masks/x/1.png"), 1);
    let all = || DataSet::open(&data.source()).unwrap();
    let error = data.split(all(), 1).unwrap_err().to_string();
    assert!(
        error.contains("expected one each") && error.ends_with("1.png"),
        "{error}"
    );
    let own = folder.path().join("masks/test/x/1.png");
    save(&own, 1);
    let (_, held_out) = data.split(all(), 1).unwrap();
    assert_eq!(held_out.unwrap().item(0).mask(), Some(&*own));
}

#[test]
fn held_out_pictures_are_named_with_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = with_held_out(folder.path());
    data.masks = Path::new("").into();
    let all = DataSet::open(&data.source()).unwrap();
    let (train, held_out) = data.split(all, 1).unwrap();
    let held_out = held_out.unwrap();
    held_out.note_broken(held_out.item(0).path(), "no picture".into());
    assert_eq!(train.take_warnings(), ["no picture"]);
    assert!(held_out.take_warnings().is_empty());
}

#[test]
fn numbered_classes_are_in_the_order_of_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("m.csv");
    std::fs::write(&manifest, "path,label\na.png,0\nb.png,2\nc.png,10\n").unwrap();
    let data = DataSet::open(&Source {
        manifest,
        ..Source::default()
    })
    .unwrap();
    assert_eq!(data.classes(), ["0", "2", "10"]);
}

#[test]
fn parquet_with_a_nested_column_in_front() {
    use parquet::data_type::{ByteArray, ByteArrayType, Int32Type};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.parquet");
    let schema = "message rows { required group image { required binary bytes; required binary path (UTF8); } required binary path (UTF8); required int32 label (INTEGER(8, false)); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(
        std::fs::File::create(&path).unwrap(),
        schema,
        Arc::default(),
    )
    .unwrap();
    let mut group = writer.next_row_group().unwrap();
    for text in ["bytes", "inner.png", "outer.png"] {
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<ByteArrayType>()
            .write_batch(&[ByteArray::from(text)], None, None)
            .unwrap();
        column.close().unwrap();
    }
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<Int32Type>()
        .write_batch(&[200], None, None)
        .unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    let data = DataSet::open(&Source {
        manifest: path,
        ..Source::default()
    })
    .map_err(|error| error.to_string())
    .unwrap();
    assert_eq!(data.item(0).path(), folder.path().join("outer.png"));
    assert_eq!(data.classes(), ["200"]);
}

#[test]
fn a_folder_that_disappears_while_loading_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..8_u8 {
        save(&folder.path().join(format!("{index:03}.png")), index);
    }
    let data = Arc::new(
        DataSet::open(&Source {
            folder: folder.path().into(),
            ..Source::default()
        })
        .unwrap(),
    );
    let mut loader =
        Loader::start(data, Order::plain(1, 4, 8), 0, settings(), |_, _, _| ()).unwrap();
    loader.next().unwrap();
    folder.close().unwrap();
    let error = (0..20)
        .find_map(|_| loader.next().err())
        .unwrap()
        .to_string();
    assert!(error.contains("cannot be read"), "{error}");
}

#[test]
#[cfg(unix)]
fn of_two_ways_to_a_folder_the_first_by_name_is_taken() {
    for names in [["real", "a-link"], ["real", "z-link"]] {
        let folder = tempfile::tempdir().unwrap();
        save(&folder.path().join("real/1.png"), 1);
        std::os::unix::fs::symlink(folder.path().join("real"), folder.path().join(names[1]))
            .unwrap();
        let data = DataSet::open(&Source {
            folder: folder.path().into(),
            classes: true,
            ..Source::default()
        })
        .unwrap();
        let first = names.into_iter().min().unwrap();
        assert_eq!(data.classes(), [first]);
    }
}
