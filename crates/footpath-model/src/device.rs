//! Where tensors live, by name.
//!
//! | name | what | in a build with |
//! |---|---|---|
//! | `flex`, `cpu` | our own kernels on the CPU: the default | always |
//! | `burn-flex` | burn's own CPU backend, slower: what ours are compared with | always |
//! | `ndarray` | another CPU backend, deprecated upstream | `--features ndarray` |
//! | `cuda`, `cuda:1` | an NVIDIA GPU; the first one unless another is named | `--features cuda` |
//! | `wgpu`, `wgpu:1` | a GPU with Vulkan, Metal or DirectX 12; the fastest unless numbered | `--features wgpu` |
//!
//! GPUs are numbered from 0, as the driver lists them. A checkpoint says nothing of the device it was made on, so all
//! of them read it.

use crate::error::{Error, Result};
use burn::tensor::Device as BurnDevice;

/// What computes a trunk.
#[derive(Clone, Debug, PartialEq)]
pub enum Device {
    /// Our own kernels, on the CPU.
    Host,
    /// A device of burn.
    Burn(BurnDevice),
}

/// The kinds of devices, and whether this build has them. All but the first two are features of the same name.
const KINDS: [(&str, bool); 5] = [
    ("flex", true),
    ("burn-flex", true),
    ("ndarray", cfg!(feature = "ndarray")),
    ("cuda", cfg!(feature = "cuda")),
    ("wgpu", cfg!(feature = "wgpu")),
];

/// The device of a name, which may have the number of a GPU after a colon.
///
/// # Errors
/// [`Error::Config`] for a name this build does not have, and for a GPU this machine does not have.
pub fn device(device: &footpath_core::Device) -> Result<Device> {
    let name = device.name();
    let (kind, number) = match name.split_once(':') {
        Some((kind, number)) => (kind, Some(number.parse::<usize>().map_err(|_| unknown(name))?)),
        None => (name, None),
    };
    match (kind, number) {
        ("flex" | "cpu", None) => Ok(Device::Host),
        ("burn-flex", None) => Ok(Device::Burn(BurnDevice::flex())),
        #[cfg(feature = "ndarray")]
        #[expect(deprecated, reason = "users asked for it by name")]
        ("ndarray", None) => Ok(Device::Burn(BurnDevice::ndarray())),
        #[cfg(feature = "cuda")]
        ("cuda", number) => gpu(burn::tensor::DeviceType::Cuda, kind, number),
        #[cfg(feature = "wgpu")]
        ("wgpu", None) => {
            // Asked for first, since whoever uses a device that is not there panics.
            gpu(burn::tensor::DeviceType::Wgpu, kind, None)?;
            Ok(Device::Burn(BurnDevice::wgpu(burn::tensor::DeviceKind::DefaultDevice)))
        }
        #[cfg(feature = "wgpu")]
        ("wgpu", number) => gpu(burn::tensor::DeviceType::Wgpu, kind, number),
        _ => Err(unknown(name)),
    }
}

/// The GPU with this number among those the driver lists, the first one without a number.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn gpu(of_type: burn::tensor::DeviceType, kind: &str, number: Option<usize>) -> Result<Device> {
    let found = BurnDevice::enumerate(of_type).into_vec();
    let len = found.len();
    found.into_iter().nth(number.unwrap_or(0)).map(Device::Burn).ok_or_else(|| absent(kind, len))
}

/// That a GPU is not there, where `num_found` of its kind are.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn absent(kind: &str, num_found: usize) -> Error {
    let needs = if kind == "cuda" { "NVIDIA driver and CUDA" } else { "driver with Vulkan, Metal or DirectX 12" };
    let reason = match num_found {
        0 => {
            format!("this machine has no GPU for `{kind}`; install its {needs}, or leave the device out to use the CPU")
        }
        1 => format!("this machine has one GPU for `{kind}`: {kind}:0"),
        _ => format!("this machine has {num_found} GPUs for `{kind}`: {kind}:0 to {kind}:{}", num_found - 1),
    };
    Error::Config { option: "device", reason }
}

/// That this build has no such device.
fn unknown(name: &str) -> Error {
    let built_in: Vec<&str> = KINDS.into_iter().filter(|(_, is_there)| *is_there).map(|(kind, _)| kind).collect();
    let kind = name.split(':').next().unwrap_or_default();
    let short: String = name.chars().take(40).collect();
    let mut reason = format!("this build has no device `{short}`; it has {}", built_in.join(", "));
    if KINDS.contains(&(kind, false)) {
        reason += &format!("; build it with `cargo build --release --features {kind}` to have `{kind}`");
    }
    Error::Config { option: "device", reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Result<Device> {
        device(&footpath_core::Device::named(name))
    }

    #[test]
    fn devices_go_by_name() {
        assert!(["flex", "cpu", "burn-flex"].into_iter().all(|name| named(name).is_ok()));
        for name in ["", "tpu", "flex:1", "cuda0", "wgpu:x", "cuda:", ":0"] {
            let error = named(name).expect_err(name).to_string();
            assert!(error.contains("it has flex"), "{error}");
        }
    }

    #[test]
    fn what_is_not_built_in_says_how_to_build_it() {
        for (kind, _) in KINDS.into_iter().filter(|(_, is_there)| !is_there) {
            let error = named(kind).expect_err(kind).to_string();
            assert!(error.contains(&format!("--features {kind}")), "{error}");
        }
    }

    #[test]
    #[cfg(any(feature = "cuda", feature = "wgpu"))]
    fn gpus_that_are_not_there_are_refused() {
        for (kind, _) in KINDS.into_iter().filter(|(kind, is_there)| *is_there && ["cuda", "wgpu"].contains(kind)) {
            let error = named(&format!("{kind}:999")).expect_err(kind).to_string();
            assert!(error.contains("this machine has"), "{error}");
        }
        assert!(absent("cuda", 0).to_string().contains("leave the device out"));
        assert!(absent("wgpu", 3).to_string().contains("wgpu:0 to wgpu:2"));
    }
}
