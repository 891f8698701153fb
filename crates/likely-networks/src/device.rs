//! The devices that networks are evaluated on: the processor, and NVIDIA GPUs in a program built with the feature `cuda`.

use candle_core::{Device, Error};
use std::fmt;
use std::str::FromStr;

/// A device by its name: `cpu`, `cuda` for the first GPU, `cuda:N` for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum DeviceName {
    /// The processor.
    #[default]
    Cpu,
    /// The NVIDIA GPU with the given number, as the driver counts them from 0.
    Cuda(u16),
}

/// Why there is no such device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The name is that of no device.
    #[error(
        "`{found}` is no device; write `cpu`, `cuda`, or `cuda:N` with the number N of an NVIDIA GPU, such as `cuda:1`"
    )]
    Name {
        /// What was written.
        found: String,
    },
    /// The program was built without the feature.
    #[error(
        "this program was built without NVIDIA GPUs, so `{name}` is out of its reach; build it with \
         `cargo build --release --package likely --features cuda` on a machine with the CUDA compiler nvcc, or take `cpu`"
    )]
    NotBuilt {
        /// The device.
        name: DeviceName,
    },
    /// The driver does not give the GPU.
    #[error(
        "`{name}` cannot be used: {reason}; `nvidia-smi -L` lists the GPUs that the driver sees, `cpu` needs none"
    )]
    Driver {
        /// The device.
        name: DeviceName,
        /// What the driver said.
        reason: String,
    },
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(gpu) => write!(f, "cuda:{gpu}"),
        }
    }
}

impl FromStr for DeviceName {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let number = |digits: &str| {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        let name = match text.strip_prefix("cuda") {
            Some("") => Some(Self::Cuda(0)),
            Some(rest) => rest.strip_prefix(':').and_then(number).map(Self::Cuda),
            None => (text == "cpu").then_some(Self::Cpu),
        };
        name.ok_or_else(|| DeviceError::Name { found: text.to_owned() })
    }
}

/// A device that is ready.
///
/// candle takes two openings of the same GPU for two devices, so one is opened once and cloned.
#[derive(Debug, Clone)]
pub struct OpenDevice {
    name: DeviceName,
    device: Device,
}

impl OpenDevice {
    /// The processor.
    pub fn cpu() -> &'static Self {
        static CPU: OpenDevice = OpenDevice { name: DeviceName::Cpu, device: Device::Cpu };
        &CPU
    }

    /// Makes the device ready.
    ///
    /// All threads share one stream of a GPU, so that work queued by one of them is seen by the next.
    ///
    /// # Errors
    /// [`DeviceError::NotBuilt`] for a GPU in a program without the feature `cuda`, [`DeviceError::Driver`] where the driver
    /// does not give it.
    pub fn new(name: DeviceName) -> Result<Self, DeviceError> {
        let device = match name {
            DeviceName::Cpu => Device::Cpu,
            DeviceName::Cuda(gpu) => {
                Device::new_cuda_with_stream(usize::from(gpu)).map_err(|error| match error {
                    Error::NotCompiledWithCudaSupport => DeviceError::NotBuilt { name },
                    error => DeviceError::Driver { name, reason: first_line(&error.to_string()) },
                })?
            }
        };
        Ok(Self { name, device })
    }

    /// Its name.
    pub fn name(&self) -> DeviceName {
        self.name
    }

    /// What candle knows it by.
    pub fn candle(&self) -> &Device {
        &self.device
    }

    /// Whether it is the processor.
    pub fn is_cpu(&self) -> bool {
        self.device.is_cpu()
    }

    /// The name, and of a GPU also that of its kind, as provenance holds it: `cuda:0 (NVIDIA H100 80GB HBM3)`.
    pub fn description(&self) -> String {
        match kind(&self.device) {
            Some(kind) => format!("{} ({kind})", self.name),
            None => self.name.to_string(),
        }
    }
}

/// What came without its backtrace.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Whether this program was built for NVIDIA GPUs.
pub const fn built_for_cuda() -> bool {
    cfg!(feature = "cuda")
}

#[cfg(feature = "cuda")]
fn kind(device: &Device) -> Option<String> {
    device.as_cuda_device().ok()?.cuda_stream().context().name().ok()
}

#[cfg(not(feature = "cuda"))]
fn kind(_: &Device) -> Option<String> {
    None
}

/// The GPUs that the driver sees, each with its kind.
///
/// # Errors
/// [`DeviceError::NotBuilt`] in a program without the feature `cuda`, [`DeviceError::Driver`] where the driver does not answer.
#[cfg(feature = "cuda")]
pub fn gpus() -> Result<Vec<(DeviceName, String)>, DeviceError> {
    use candle_core::cuda_backend::cudarc::driver::{CudaContext, DriverError};
    let refused = |name: DeviceName| {
        move |error: DriverError| DeviceError::Driver { name, reason: first_line(&error.to_string()) }
    };
    let count = CudaContext::device_count().map_err(refused(DeviceName::Cuda(0)))?;
    let one = |gpu: u16| {
        let name = DeviceName::Cuda(gpu);
        let context = CudaContext::new(usize::from(gpu)).map_err(refused(name))?;
        Ok((name, context.name().map_err(refused(name))?))
    };
    (0..u16::try_from(count).unwrap_or(0)).map(one).collect()
}

/// The GPUs that the driver sees, each with its kind.
///
/// # Errors
/// [`DeviceError::NotBuilt`] in a program without the feature `cuda`, [`DeviceError::Driver`] where the driver does not answer.
#[cfg(not(feature = "cuda"))]
pub fn gpus() -> Result<Vec<(DeviceName, String)>, DeviceError> {
    Err(DeviceError::NotBuilt { name: DeviceName::Cuda(0) })
}
