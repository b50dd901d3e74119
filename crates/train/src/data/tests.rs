//! Sources, orders and loaders on small folders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use image::{Rgb, RgbImage};
use proptest::prelude::*;
use rand::RngExt;

use super::order::Place;
use super::*;

/// A folder with `count` small pictures, each of one color.
fn pictures(folder: &Path, count: u8) {
    for index in 0..count {
        let picture = RgbImage::from_pixel(4, 3, Rgb([index, 0, 0]));
        picture
            .save(folder.join(format!("{index:03}.png")))
            .unwrap();
    }
}

fn open(folder: &Path) -> Arc<DataSet> {
    Arc::new(
        DataSet::open(&Source {
            folder: folder.into(),
            ..Source::default()
        })
        .unwrap(),
    )
}

fn settings(threads: usize) -> LoaderSettings {
    LoaderSettings {
        threads,
        ahead: 2,
        cache_bytes: 1 << 20,
        max_broken: 0.5,
        seed: 5,
    }
}

type Seen = Vec<(u64, Vec<usize>, Vec<(u8, u32)>)>;

fn run(data: &Arc<DataSet>, threads: usize, first: u64, batches: u64) -> Seen {
    let order = Order::plain(3, 4, data.len() as u32);
    let mut loader = Loader::start(
        Arc::clone(data),
        order,
        first,
        settings(threads),
        |picture, _, rng| (picture.get_pixel(0, 0).0[0], rng.random::<u32>()),
    )
    .unwrap();
    (0..batches)
        .map(|_| {
            let batch = loader.next().unwrap();
            (batch.number, batch.items, batch.samples)
        })
        .collect()
}

#[test]
fn threads_and_the_first_batch_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 11);
    let data = open(folder.path());
    let all = run(&data, 1, 0, 9);
    assert_eq!(run(&data, 4, 0, 9), all);
    assert_eq!(run(&data, 3, 5, 4), all[5..]);
    // A picture's crops differ from epoch to epoch.
    let draws: BTreeSet<_> = all.iter().flat_map(|(_, _, samples)| samples).collect();
    assert_eq!(draws.len(), 36);
    for (_, items, samples) in &all {
        for (item, (color, _)) in items.iter().zip(samples) {
            assert_eq!(*item, usize::from(*color));
        }
    }
}

#[test]
fn broken_pictures_are_named_and_replaced_the_same_way_each_time() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 20);
    std::fs::write(folder.path().join("007.png"), "no picture").unwrap();
    let data = open(folder.path());
    let all = run(&data, 2, 0, 10);
    assert_eq!(run(&data, 1, 3, 7), all[3..]);
    assert!(
        all.iter()
            .all(|(_, items, _)| items.len() == 4 && !items.contains(&7))
    );
    let order = Order::plain(3, 4, 20);
    let mut loader = Loader::start(data, order, 0, settings(2), |_, _, _| ()).unwrap();
    for _ in 0..5 {
        loader.next().unwrap();
    }
    let warnings = loader.take_warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("007.png"), "{warnings:?}");
    assert!(loader.broken() > 0);
    assert!(loader.take_warnings().is_empty());
}

#[test]
fn each_broken_picture_is_named_once_however_often_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 12);
    for index in [2, 9] {
        std::fs::write(folder.path().join(format!("{index:03}.png")), "no").unwrap();
    }
    let data = open(folder.path());
    let order = Order::plain(3, 4, 12);
    let start = |first| {
        let (data, order) = (Arc::clone(&data), order.clone());
        Loader::start(data, order, first, settings(2), |_, _, _| ()).unwrap()
    };
    let mut loader = start(0);
    for _ in 0..90 {
        loader.next().unwrap();
    }
    let warnings = loader.take_warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(loader.broken() > 20, "{}", loader.broken());
    assert_eq!(data.broken(), 2);
    // Another loader of the run has nothing to add.
    let mut again = start(5);
    for _ in 0..9 {
        again.next().unwrap();
    }
    assert!(again.broken() > 0 && again.take_warnings().is_empty());
}

#[test]
fn a_picture_that_no_sample_can_be_made_of_is_replaced_and_named() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 12);
    let order = Order::plain(3, 4, 12);
    let mut loader: Loader<u8> = Loader::start(
        open(folder.path()),
        order,
        0,
        settings(2),
        |picture, _, _| match picture.get_pixel(0, 0).0[0] {
            5 => Err("five has no features".to_owned()),
            color => Ok(color),
        },
    )
    .unwrap();
    for _ in 0..6 {
        let batch = loader.next().unwrap();
        assert_eq!(batch.samples.len(), 4);
        assert!(!batch.samples.contains(&5), "{batch:?}");
    }
    assert_eq!(loader.take_warnings(), ["five has no features"]);
}

#[test]
fn the_twenty_first_broken_file_is_only_counted() {
    let data = DataSet::default();
    for index in 0..30 {
        let file = format!("{index}.png");
        data.note_broken(Path::new(&file), format!("cannot read {file}"));
    }
    let warnings = data.take_warnings();
    assert_eq!(warnings.len(), 20);
    assert_eq!(
        warnings[19],
        "cannot read 19.png; further broken files are only counted"
    );
    assert_eq!(data.broken(), 30);
}

#[test]
fn mostly_broken_pictures_end_the_run_with_the_last_error() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 8);
    for index in 1..8 {
        std::fs::write(folder.path().join(format!("{index:03}.png")), "no").unwrap();
    }
    let order = Order::plain(3, 4, 8);
    let data = open(folder.path());
    let mut loader = Loader::start(data, order, 0, settings(2), |_, _, _| ()).unwrap();
    let error = (0..20)
        .find_map(|_| loader.next().err())
        .unwrap()
        .to_string();
    assert!(
        error.contains("pictures cannot be read") && error.contains(".png"),
        "{error}"
    );
}

#[test]
fn a_loader_that_nobody_reads_ends_with_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 8);
    let loader = Loader::start(
        open(folder.path()),
        Order::plain(3, 4, 8),
        0,
        settings(3),
        |_, _, _| (),
    );
    drop(loader);
}

#[test]
fn a_panic_in_a_sample_is_an_error_of_its_batch() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 8);
    let order = Order::plain(3, 4, 8);
    let mut loader = Loader::start(open(folder.path()), order, 0, settings(2), |p, _, _| {
        assert!(p.get_pixel(0, 0).0[0] != 3, "three is not liked");
    })
    .unwrap();
    let error = (0..3)
        .find_map(|_| loader.next().err())
        .unwrap()
        .to_string();
    assert!(error.contains("three is not liked"), "{error}");
}

#[test]
fn folders_give_classes_and_links_in_a_ring_do_not_hang() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["b", "a"] {
        let below = folder.path().join(class).join("deeper");
        std::fs::create_dir_all(&below).unwrap();
        pictures(&below, 2);
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a/ring")).unwrap();
    let data = DataSet::open(&Source {
        folder: folder.path().into(),
        classes: true,
        ..Source::default()
    })
    .unwrap();
    assert_eq!(data.classes(), ["a", "b"]);
    assert_eq!(data.len(), 4);
    let labels: Vec<_> = (0..4).map(|index| data.item(index).label()).collect();
    assert_eq!(labels, [Some(0), Some(0), Some(1), Some(1)]);
    let (train, test) = split::stratified(&data, 0.5, 1);
    assert_eq!((train.len(), test.len()), (2, 2));
    assert_ne!(data.item(test[0]).label(), data.item(test[1]).label());
}

#[test]
fn nothing_to_read_is_said_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let open = |source: &Source| DataSet::open(source).unwrap_err().to_string();
    let path = folder.path().to_path_buf();
    let empty = open(&Source {
        folder: path.clone(),
        ..Source::default()
    });
    assert!(empty.starts_with("the folder has 0 pictures"), "{empty}");
    let absent = open(&Source {
        folder: path.join("x"),
        ..Source::default()
    });
    assert!(absent.starts_with("cannot read the folder"), "{absent}");
    assert!(open(&Source::default()).contains("data.folder"));
    let list = path.join("list.txt");
    std::fs::write(&list, "# nothing\n\n").unwrap();
    let listed = open(&Source {
        list,
        ..Source::default()
    });
    assert!(listed.starts_with("the list has 0 pictures"), "{listed}");
}

#[test]
fn tables_tell_labels_masks_and_sets() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("m.csv");
    let read = |text: &str| {
        std::fs::write(&csv, text).unwrap();
        DataSet::open(&Source {
            manifest: csv.clone(),
            ..Source::default()
        })
    };
    let data = read("\u{feff}Path,label,set,mask\nb.png,cat,web,m/b.png\na.png,dog,,\n").unwrap();
    assert_eq!(data.classes(), ["cat", "dog"]);
    assert_eq!(data.sets(), ["web"]);
    assert_eq!(data.item(0).path(), folder.path().join("a.png"));
    assert_eq!((data.item(0).label(), data.item(0).mask()), (Some(1), None));
    assert_eq!(data.item(1).mask(), Some(&*folder.path().join("m/b.png")));
    let columns = read("file\na.png\n").unwrap_err().to_string();
    assert!(
        columns.contains("the columns file, expected a column \"path\""),
        "{columns}"
    );
    let row = read("path,label\na.png,x\n,y\n").unwrap_err().to_string();
    assert!(row.starts_with("row 2 of the manifest"), "{row}");
    let short = read("path,label\na.png\n").unwrap_err().to_string();
    assert!(short.starts_with("row 1 of the manifest"), "{short}");
}

#[test]
fn a_picture_of_a_folder_and_of_a_table_comes_once() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        let below = folder.path().join(class);
        std::fs::create_dir(&below).unwrap();
        pictures(&below, 2);
    }
    let tables = folder.path().join("tables");
    std::fs::create_dir(&tables).unwrap();
    let manifest = tables.join("m.csv");
    let text = "path,label,set,mask\n../a/000.png,x,web,m.png\n../b/001.png,,,\n../b/001.png,,web,\nnew.png,b,,\n";
    std::fs::write(&manifest, text).unwrap();
    let data = DataSet::open(&Source {
        folder: folder.path().into(),
        manifest,
        classes: true,
        ..Source::default()
    })
    .unwrap();
    assert_eq!(data.len(), 5);
    let known: Vec<_> = (0..5)
        .map(|index| {
            let item = data.item(index);
            let class = &*data.classes()[item.label().unwrap() as usize];
            (class, item.set() == 0, item.mask().is_some())
        })
        .collect();
    assert_eq!(
        known,
        [
            ("x", true, true),
            ("a", false, false),
            ("b", false, false),
            ("b", true, false),
            ("b", false, false),
        ]
    );
    assert_eq!(data.item(0).path(), folder.path().join("a/000.png"));
}

#[test]
fn a_parquet_table_gives_what_the_same_csv_does() {
    use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.parquet");
    let schema = "message rows { required binary path (UTF8); required int64 label; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let file = std::fs::File::create(&path).unwrap();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(file, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let names = ["b.png", "a.png"].map(ByteArray::from);
    column
        .typed::<ByteArrayType>()
        .write_batch(&names, None, None)
        .unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<Int64Type>()
        .write_batch(&[7, 3], None, None)
        .unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    let data = DataSet::open(&Source {
        manifest: path.clone(),
        ..Source::default()
    })
    .unwrap();
    assert_eq!(data.classes(), ["3", "7"]);
    assert_eq!(data.item(0).path(), folder.path().join("a.png"));
    assert_eq!(data.item(0).label(), Some(0));
    std::fs::write(&path, "PAR1 no").unwrap();
    let error = DataSet::open(&Source {
        manifest: path,
        ..Source::default()
    });
    assert!(
        error
            .unwrap_err()
            .to_string()
            .starts_with("cannot read the manifest")
    );
}

proptest! {
    #[test]
    fn every_epoch_shows_each_picture_at_most_once_and_batches_have_no_twins(
        seed: u64, count in 1_u32..200, batch in 1_usize..20, first in 0_u64..50,
    ) {
        let order = Order::plain(seed, batch, count);
        let mut seen: BTreeMap<u64, BTreeSet<usize>> = BTreeMap::new();
        for number in first..first + 30 {
            let places = order.batch(number);
            prop_assert_eq!(places.len(), batch);
            for Place { index, epoch } in &places {
                prop_assert!(*index < count as usize);
                prop_assert!(seen.entry(*epoch).or_default().insert(*index));
            }
            let distinct: BTreeSet<_> = places.iter().map(|place| place.index).collect();
            prop_assert_eq!(distinct.len(), batch.min(count as usize));
            prop_assert_eq!(places, order.batch(number));
        }
    }
}

#[test]
fn an_epoch_is_a_permutation_and_the_next_one_another() {
    let order = Order::plain(9, 10, 100);
    let epoch = |epoch: u64| -> Vec<usize> {
        (0..10)
            .flat_map(|batch| order.batch(epoch * 10 + batch))
            .map(|place| place.index)
            .collect()
    };
    let (first, second) = (epoch(0), epoch(1));
    let sorted: BTreeSet<_> = first.iter().copied().collect();
    assert_eq!(sorted.len(), 100);
    assert_ne!(first, second);
    let same = first.iter().zip(&second).filter(|(a, b)| a == b).count();
    assert!(same < 10, "{same} of 100 in their old place");
}
