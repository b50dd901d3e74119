//! A pickle reader that executes nothing: bytes of `data.pkl` → names and tensor descriptions.
//!
//! A small stack machine with the opcodes that a state dict needs. Callables are an enum of five; any other global is
//! an error that names it. All containers live in arenas and values are small copies, so nesting and sharing in a
//! hostile file cost neither stack nor copies. Source: `pickletools` and `torch.serialization`.

use std::collections::HashMap;

use super::dtype::{DType, Element};

/// Why a pickle was refused.
#[derive(Debug, PartialEq)]
pub(super) enum PickleError {
    /// It names a global that is not allowed: module and name, joined by a dot.
    Forbidden(String),
    /// It is damaged or not a state dict.
    Malformed(String),
}

/// A tensor as the pickle describes it; its numbers lie in the storage of that key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PickledTensor {
    pub(super) storage: String,
    pub(super) element: Element,
    /// First element in the storage.
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    /// Elements between neighbours along each axis.
    pub(super) strides: Vec<usize>,
}

/// Reads the state dict: the outermost dict, or the one under `teacher`, `model` or `state_dict` in it.
pub(super) fn state_dict(bytes: &[u8]) -> Result<Vec<(String, PickledTensor)>, PickleError> {
    let mut machine = Machine::new(bytes);
    let root = machine.run()?;
    machine.tensors_of(root)
}

/// Deeper nesting of wrappers than this is not a checkpoint.
const WRAPPERS: usize = 3;
/// Keys that hold the state dict in training exports.
const WRAPPER_KEYS: [&str; 3] = ["teacher", "model", "state_dict"];
/// No weight has more axes; also bounds what one opcode can copy.
const MAX_AXES: usize = 8;

#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    None,
    Bool,
    Int(i64),
    Float,
    Str(&'a str),
    /// Tuple or list: index into `sequences`.
    Sequence(usize),
    Dict(usize),
    Callable(Callable),
    /// Storage type: index into `STORAGES`.
    StorageType(usize),
    Storage(Storage<'a>),
    Tensor(usize),
}

#[derive(Clone, Copy, Debug)]
struct Storage<'a> {
    key: &'a str,
    kind: usize,
}

#[derive(Clone, Copy, Debug)]
enum Callable {
    RebuildTensor,
    RebuildParameter,
    OrderedDict,
    Size,
}

/// Storage classes: name under the module `torch`, element type.
const STORAGES: &[(&str, Option<DType>)] = &[
    ("FloatStorage", Some(DType::F32)),
    ("HalfStorage", Some(DType::F16)),
    ("BFloat16Storage", Some(DType::Bf16)),
    ("DoubleStorage", Some(DType::F64)),
    ("LongStorage", None),
    ("IntStorage", None),
    ("ShortStorage", None),
    ("CharStorage", None),
    ("ByteStorage", None),
    ("BoolStorage", None),
];

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value<'a>>,
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    sequences: Vec<Vec<Value<'a>>>,
    dicts: Vec<Vec<(Value<'a>, Value<'a>)>>,
    tensors: Vec<PickledTensor>,
}

impl<'a> Machine<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            sequences: Vec::new(),
            dicts: Vec::new(),
            tensors: Vec::new(),
        }
    }

    fn run(&mut self) -> Result<Value<'a>, PickleError> {
        loop {
            let [opcode] = self.take()?;
            if opcode == b'.' {
                return self.pop();
            }
            self.step(opcode)?;
        }
    }

    fn step(&mut self, opcode: u8) -> Result<(), PickleError> {
        match opcode {
            // PROTO and FRAME carry nothing that is needed here.
            0x80 => self.take::<1>().map(drop)?,
            0x95 => self.take::<8>().map(drop)?,
            b'(' => self.marks.push(self.stack.len()),
            // POP, and BUILD, which sets attributes (`_metadata` of a state dict): the object below stays as it is.
            b'0' | b'b' => self.pop().map(drop)?,
            b'1' => self.pop_mark().map(drop)?,
            b'N' => self.stack.push(Value::None),
            0x88 | 0x89 => self.stack.push(Value::Bool),
            b'G' => self.take::<8>().map(|_| self.stack.push(Value::Float))?,
            b'K' | b'M' | b'J' | 0x8a => self.push_int(opcode)?,
            b'X' | 0x8c | 0x8d => self.push_str(opcode)?,
            b'}' => self.push_dict(),
            b']' | b')' => self.push_sequence(Vec::new()),
            b't' => self.pop_mark().map(|items| self.push_sequence(items))?,
            0x85..=0x87 => self.push_tuple(usize::from(opcode - 0x84))?,
            b'q' | b'r' | 0x94 | b'h' | b'j' => self.memo_step(opcode)?,
            b'a' | b'e' | b's' | b'u' => self.fill_container(opcode)?,
            b'c' | 0x93 => self.push_global(opcode)?,
            b'Q' => self.push_storage()?,
            b'R' => self.call()?,
            other => {
                return Err(
                    self.malformed(&format!("opcode 0x{other:02x} is not part of a state dict"))
                );
            }
        }
        Ok(())
    }

    fn push_int(&mut self, opcode: u8) -> Result<(), PickleError> {
        let value = match opcode {
            b'K' => i64::from(self.take::<1>()?[0]),
            b'M' => i64::from(u16::from_le_bytes(self.take()?)),
            b'J' => i64::from(i32::from_le_bytes(self.take()?)),
            _ => {
                let [len] = self.take()?;
                let digits = self.slice(usize::from(len))?;
                if digits.len() > 8 {
                    return Err(self.malformed("an integer has more than 64 bits"));
                }
                // Two's complement: the last byte's sign fills the rest.
                let fill = if digits.last().is_some_and(|byte| byte & 0x80 != 0) {
                    0xff
                } else {
                    0
                };
                let mut wide = [fill; 8];
                wide[..digits.len()].copy_from_slice(digits);
                i64::from_le_bytes(wide)
            }
        };
        self.stack.push(Value::Int(value));
        Ok(())
    }

    fn push_str(&mut self, opcode: u8) -> Result<(), PickleError> {
        let len = match opcode {
            0x8c => u64::from(self.take::<1>()?[0]),
            b'X' => u64::from(u32::from_le_bytes(self.take()?)),
            _ => u64::from_le_bytes(self.take()?),
        };
        let text = self.slice(usize::try_from(len).unwrap_or(usize::MAX))?;
        let text = std::str::from_utf8(text)
            .ok()
            .ok_or_else(|| self.malformed("a string is not UTF-8"))?;
        self.stack.push(Value::Str(text));
        Ok(())
    }

    fn push_dict(&mut self) {
        self.dicts.push(Vec::new());
        self.stack.push(Value::Dict(self.dicts.len() - 1));
    }

    fn push_sequence(&mut self, items: Vec<Value<'a>>) {
        self.sequences.push(items);
        self.stack.push(Value::Sequence(self.sequences.len() - 1));
    }

    fn push_tuple(&mut self, len: usize) -> Result<(), PickleError> {
        let start = self
            .stack
            .len()
            .checked_sub(len)
            .ok_or_else(|| self.malformed("the stack is too short"))?;
        let items = self.stack.split_off(start);
        self.push_sequence(items);
        Ok(())
    }

    fn memo_step(&mut self, opcode: u8) -> Result<(), PickleError> {
        let index = match opcode {
            b'q' | b'h' => u32::from(self.take::<1>()?[0]),
            b'r' | b'j' => u32::from_le_bytes(self.take()?),
            _ => self.memo.len() as u32,
        };
        if matches!(opcode, b'h' | b'j') {
            let value = *self
                .memo
                .get(&index)
                .ok_or_else(|| self.malformed("the memo has no such entry"))?;
            self.stack.push(value);
        } else {
            let value = *self
                .stack
                .last()
                .ok_or_else(|| self.malformed("the stack is empty"))?;
            self.memo.insert(index, value);
        }
        Ok(())
    }

    fn fill_container(&mut self, opcode: u8) -> Result<(), PickleError> {
        let items = match opcode {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_mark()?,
        };
        match (opcode, self.stack.last()) {
            (b'a' | b'e', Some(&Value::Sequence(index))) => self.sequences[index].extend(items),
            (b's' | b'u', Some(&Value::Dict(index))) if items.len().is_multiple_of(2) => {
                self.dicts[index].extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
            }
            _ => return Err(self.malformed("items are added to something that is no container")),
        }
        Ok(())
    }

    fn push_global(&mut self, opcode: u8) -> Result<(), PickleError> {
        let (module, name) = if opcode == b'c' {
            (self.line()?, self.line()?)
        } else {
            match (self.pop()?, self.pop()?) {
                (Value::Str(name), Value::Str(module)) => (module, name),
                _ => return Err(self.malformed("a global has no name")),
            }
        };
        let value = match (module, name) {
            ("torch._utils", "_rebuild_tensor_v2") => Value::Callable(Callable::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Value::Callable(Callable::RebuildParameter),
            ("collections", "OrderedDict") => Value::Callable(Callable::OrderedDict),
            ("torch", "Size") => Value::Callable(Callable::Size),
            ("torch", _) => match STORAGES.iter().position(|(storage, _)| *storage == name) {
                Some(kind) => Value::StorageType(kind),
                None => return Err(PickleError::Forbidden(format!("{module}.{name}"))),
            },
            _ => return Err(PickleError::Forbidden(format!("{module}.{name}"))),
        };
        self.stack.push(value);
        Ok(())
    }

    /// A persistent id: `("storage", type, key, device, length)`.
    fn push_storage(&mut self) -> Result<(), PickleError> {
        let id = self.pop_sequence()?;
        match self.sequences[id].as_slice() {
            &[
                Value::Str("storage"),
                Value::StorageType(kind),
                Value::Str(key),
                _,
                Value::Int(_),
            ] => {
                self.stack.push(Value::Storage(Storage { key, kind }));
                Ok(())
            }
            _ => Err(self.malformed("a persistent id is not a storage")),
        }
    }

    fn call(&mut self) -> Result<(), PickleError> {
        let arguments = self.pop_sequence()?;
        let Value::Callable(callable) = self.pop()? else {
            return Err(self.malformed("something that is no function is called"));
        };
        let arguments = self.sequences[arguments].as_slice();
        let result = match (callable, arguments) {
            (
                Callable::RebuildTensor,
                &[
                    Value::Storage(storage),
                    Value::Int(offset),
                    shape,
                    strides,
                    ..,
                ],
            ) => {
                let tensor = self.tensor(storage, offset, shape, strides)?;
                self.tensors.push(tensor);
                Value::Tensor(self.tensors.len() - 1)
            }
            (Callable::RebuildParameter, &[Value::Tensor(index), ..]) => Value::Tensor(index),
            (Callable::Size, &[Value::Sequence(index)]) => Value::Sequence(index),
            (Callable::OrderedDict, []) => {
                self.push_dict();
                return Ok(());
            }
            _ => return Err(self.malformed("a function has arguments that it never takes")),
        };
        self.stack.push(result);
        Ok(())
    }

    fn tensor(
        &self,
        storage: Storage<'a>,
        offset: i64,
        shape: Value<'a>,
        strides: Value<'a>,
    ) -> Result<PickledTensor, PickleError> {
        let (name, dtype) = STORAGES[storage.kind];
        let shape = self.sizes(shape)?;
        let strides = self.sizes(strides)?;
        if shape.len() != strides.len() {
            return Err(
                self.malformed("a tensor has as many strides as axes, and this one does not")
            );
        }
        Ok(PickledTensor {
            storage: storage.key.to_owned(),
            element: dtype.map_or_else(
                || Element::Other(name.trim_end_matches("Storage").to_lowercase()),
                Element::Float,
            ),
            offset: usize::try_from(offset)
                .ok()
                .ok_or_else(|| self.malformed("a tensor starts before its storage"))?,
            shape,
            strides,
        })
    }

    fn sizes(&self, value: Value<'a>) -> Result<Vec<usize>, PickleError> {
        let Value::Sequence(index) = value else {
            return Err(self.malformed("a shape is not a tuple"));
        };
        let items = &self.sequences[index];
        if items.len() > MAX_AXES {
            return Err(self.malformed(&format!("a tensor has {} axes", items.len())));
        }
        let size = |item: &Value<'a>| match item {
            Value::Int(size) => usize::try_from(*size).ok(),
            _ => None,
        };
        items
            .iter()
            .map(|item| {
                size(item).ok_or_else(|| self.malformed("a shape holds something else than sizes"))
            })
            .collect()
    }

    fn tensors_of(&self, root: Value<'a>) -> Result<Vec<(String, PickledTensor)>, PickleError> {
        let Value::Dict(mut dict) = root else {
            return Err(self.malformed("its outermost object is not a dict"));
        };
        for _ in 0..WRAPPERS {
            match WRAPPER_KEYS.iter().find_map(|key| self.nested(dict, key)) {
                Some(inner) => dict = inner,
                None => break,
            }
        }
        let tensor = |&(key, value): &(Value<'a>, Value<'a>)| match (key, value) {
            (Value::Str(name), Value::Tensor(index)) => {
                Some((name.to_owned(), self.tensors[index].clone()))
            }
            _ => None,
        };
        Ok(self.dicts[dict].iter().filter_map(tensor).collect())
    }

    fn nested(&self, dict: usize, wanted: &str) -> Option<usize> {
        self.dicts[dict].iter().find_map(|entry| match entry {
            (Value::Str(key), Value::Dict(inner)) if *key == wanted => Some(*inner),
            _ => None,
        })
    }

    fn pop(&mut self) -> Result<Value<'a>, PickleError> {
        // Values below the last mark belong to the container that is being built.
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(self.malformed("the stack is empty"));
        }
        self.stack
            .pop()
            .ok_or_else(|| self.malformed("the stack is empty"))
    }

    fn pop_mark(&mut self) -> Result<Vec<Value<'a>>, PickleError> {
        let mark = self.marks.pop().filter(|&mark| mark <= self.stack.len());
        let mark = mark.ok_or_else(|| self.malformed("there is no mark"))?;
        Ok(self.stack.split_off(mark))
    }

    fn pop_sequence(&mut self) -> Result<usize, PickleError> {
        match self.pop()? {
            Value::Sequence(index) => Ok(index),
            _ => Err(self.malformed("a tuple is expected")),
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        let chunk = self
            .bytes
            .get(self.at..)
            .and_then(|rest| rest.first_chunk::<N>().copied());
        let chunk = chunk.ok_or_else(|| self.malformed("it ends too early"))?;
        self.at += N;
        Ok(chunk)
    }

    fn slice(&mut self, len: usize) -> Result<&'a [u8], PickleError> {
        let slice = self.bytes.get(self.at..).and_then(|rest| rest.get(..len));
        let slice = slice.ok_or_else(|| self.malformed("it ends too early"))?;
        self.at += len;
        Ok(slice)
    }

    fn line(&mut self) -> Result<&'a str, PickleError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let len = rest
            .iter()
            .position(|&byte| byte == b'\n')
            .ok_or_else(|| self.malformed("it ends too early"))?;
        let text = std::str::from_utf8(self.slice(len)?)
            .ok()
            .ok_or_else(|| self.malformed("a name is not UTF-8"))?;
        self.at += 1;
        Ok(text)
    }

    fn malformed(&self, reason: &str) -> PickleError {
        PickleError::Malformed(format!(
            "its pickle cannot be read at byte {}: {reason}",
            self.at
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"w": tensor [2, 3]}` as `torch.save` writes it, protocol 2.
    const STATE_DICT: &[u8] = b"\x80\x02}q\x00X\x01\x00\x00\x00wq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storageq\x03ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00cpuq\x06K\x06tq\x07QK\x00K\x02K\x03\x86q\x08K\x03K\x01\x86q\x09\x89ccollections\nOrderedDict\nq\x0a)Rq\x0btq\x0cRq\x0ds.";

    #[test]
    fn a_state_dict_gives_its_tensors() {
        let tensors = state_dict(STATE_DICT).unwrap();
        let expected = PickledTensor {
            storage: "0".into(),
            element: Element::Float(DType::F32),
            offset: 0,
            shape: vec![2, 3],
            strides: vec![3, 1],
        };
        assert_eq!(tensors, [("w".to_owned(), expected)]);
    }

    #[test]
    fn a_training_export_gives_its_teacher() {
        let inner = &STATE_DICT[2..STATE_DICT.len() - 1];
        let mut export = b"\x80\x02}(X\x04\x00\x00\x00stepK\x07X\x07\x00\x00\x00teacher".to_vec();
        export.extend_from_slice(inner);
        export.extend_from_slice(b"u.");
        assert_eq!(
            state_dict(&export).unwrap(),
            state_dict(STATE_DICT).unwrap()
        );
    }

    #[test]
    fn a_pickle_that_would_run_code_is_refused_by_name() {
        let system = b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.";
        assert_eq!(
            state_dict(system),
            Err(PickleError::Forbidden("os.system".into()))
        );
        // The same through the opcode of protocol 4.
        let stack_global = b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.";
        assert_eq!(
            state_dict(stack_global),
            Err(PickleError::Forbidden("builtins.eval".into()))
        );
        let torch = b"\x80\x02ctorch\nload\n.";
        assert_eq!(
            state_dict(torch),
            Err(PickleError::Forbidden("torch.load".into()))
        );
    }

    #[test]
    fn no_truncation_and_no_changed_byte_panics() {
        for len in 0..STATE_DICT.len() {
            assert!(state_dict(&STATE_DICT[..len]).is_err(), "{len} bytes");
        }
        for at in 0..STATE_DICT.len() {
            for byte in 0..=255 {
                let mut bytes = STATE_DICT.to_vec();
                bytes[at] = byte;
                let _ = state_dict(&bytes);
            }
        }
    }

    #[test]
    fn deep_nesting_and_self_reference_end_quickly() {
        let mut deep = b"\x80\x02".to_vec();
        deep.extend(std::iter::repeat_n(b')', 1));
        deep.extend(std::iter::repeat_n(0x85, 1_000_000));
        deep.push(b'.');
        assert!(matches!(state_dict(&deep), Err(PickleError::Malformed(_))));
        // A dict that is its own teacher.
        let own = b"\x80\x02}q\x00X\x07\x00\x00\x00teacherh\x00s.";
        assert_eq!(state_dict(own), Ok(Vec::new()));
    }

    #[test]
    fn wide_integers_keep_their_sign() {
        let mut machine = Machine::new(b"\x01\xff\x05\x00\x00\x00\x00\x01");
        machine.push_int(0x8a).unwrap();
        machine.push_int(0x8a).unwrap();
        assert!(matches!(
            machine.stack[..],
            [Value::Int(-1), Value::Int(0x1_0000_0000)]
        ));
    }
}
