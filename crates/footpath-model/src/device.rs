//! Where tensors live, by name.
//!
//! | name | what | in a build with |
//! |---|---|---|
//! | `flex`, `cpu` | pure Rust on the CPU: the default | always |
//! | `ndarray` | another CPU backend, deprecated upstream | `--features ndarray` |
//! | `cuda`, `cuda:1` | an NVIDIA GPU | `--features cuda` |
//! | `wgpu`, `wgpu:1` | any GPU with Vulkan, Metal or DirectX 12 | `--features wgpu` |
//!
//! A checkpoint says nothing of the device it was made on, so all of them read it.

use crate::error::{Error, Result};
use burn::tensor::Device;

/// The names this build has.
const NAMES: [Option<&str>; 4] = [
    Some("flex"),
    if cfg!(feature = "ndarray") { Some("ndarray") } else { None },
    if cfg!(feature = "cuda") { Some("cuda") } else { None },
    if cfg!(feature = "wgpu") { Some("wgpu") } else { None },
];

/// The device of a name, which may have the number of a GPU after a colon.
///
/// # Errors
/// [`Error::Config`] for a name this build does not have.
pub fn device(name: &str) -> Result<Device> {
    let (kind, number) = name.split_once(':').unwrap_or((name, ""));
    let number: Option<usize> = if number.is_empty() { None } else { number.parse().ok() };
    match (kind, number) {
        ("flex" | "cpu", None) => Ok(Device::flex()),
        #[cfg(feature = "ndarray")]
        #[expect(deprecated, reason = "users asked for it by name")]
        ("ndarray", None) => Ok(Device::ndarray()),
        #[cfg(feature = "cuda")]
        ("cuda", number) => Ok(Device::cuda(number.unwrap_or(0))),
        #[cfg(feature = "wgpu")]
        ("wgpu", number) => {
            use burn::tensor::DeviceKind;
            Ok(Device::wgpu(number.map_or(DeviceKind::DefaultDevice, DeviceKind::DiscreteGpu)))
        }
        _ => {
            let names: Vec<&str> = NAMES.into_iter().flatten().collect();
            let reason = format!("this build has no device `{name}`; it has {}", names.join(", "));
            Err(Error::Config { option: "device", reason })
        }
    }
}

/// The same device, recording gradients.
#[must_use]
pub fn training_device(device: &Device) -> Device {
    device.clone().autodiff()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_go_by_name() {
        assert!(device("flex").is_ok() && device("cpu").is_ok());
        for name in ["", "tpu", "flex:1", "cuda0"] {
            let error = device(name).expect_err(name).to_string();
            assert!(error.contains("it has flex"), "{error}");
        }
    }
}
