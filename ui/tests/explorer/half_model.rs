//! A broken model, for these tests and for those of the session.

use std::path::Path;

/// A checkpoint of which everything but a few tensors is missing.
pub(crate) fn write_half(path: &Path) {
    let dim = 64;
    let tensors: [(&str, Vec<usize>); 6] = [
        ("cls_token", vec![1, 1, dim]),
        ("patch_embed.proj.weight", vec![dim, 3, 16, 16]),
        ("patch_embed.proj.bias", vec![dim]),
        ("rope_embed.periods", vec![16]),
        ("blocks.0.norm1.weight", vec![dim]),
        ("blocks.0.mlp.fc1.weight", vec![4 * dim, dim]),
    ];
    let mut header = serde_json::Map::new();
    let mut at = 0;
    for (name, shape) in &tensors {
        let bytes = 4 * shape.iter().product::<usize>();
        let entry =
            serde_json::json!({ "dtype": "F32", "shape": shape, "data_offsets": [at, at + bytes] });
        header.insert((*name).to_owned(), entry);
        at += bytes;
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend((0..at / 4).flat_map(|_| 1.0_f32.to_le_bytes()));
    std::fs::write(path, file).unwrap();
}
