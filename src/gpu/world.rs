//! The processes that train one network together, one for each GPU, as torchrun and SLURM tell each of them by
//! its environment: its number (rank), how many there are, its number on its machine, and where they meet.

use std::string::{String, ToString};

/// The part of a process in the training of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// The number of this process, from 0.
    pub rank: usize,
    /// How many there are.
    pub size: usize,
    /// The number of this process among those on its machine.
    pub local: usize,
    /// The machine of rank 0: a name or an address.
    pub address: String,
    /// The port where rank 0 waits for the others.
    pub port: u16,
    /// What all must have in common beside the network: each may say a checksum of its settings.
    pub about: u64,
}

/// Why the environment does not say what the part of a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorldError {
    /// A variable is not set, though others are that belong to it.
    Lacking(&'static str),
    /// A variable is no number in its range.
    Number {
        /// Its name.
        name: &'static str,
        /// What it says.
        text: String,
    },
    /// A rank that is not below the number of ranks.
    Rank {
        /// The rank.
        rank: usize,
        /// How many there are.
        size: usize,
    },
}

impl core::fmt::Display for WorldError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Lacking(name) => {
                write!(f, "this is one of several processes, but {name} is not set")
            }
            Self::Number { name, text } => {
                write!(f, "{name} is `{text}`, which is no number in its range")
            }
            Self::Rank { rank, size } => {
                write!(f, "this is rank {rank} of {size}: ranks are counted from 0")
            }
        }
    }
}

impl core::error::Error for WorldError {}

/// How far the port where the ranks of this crate meet lies from torchrun's own, where torchrun may listen.
const APART: u16 = 1500;

impl World {
    /// The part that torchrun or SLURM's `srun` gives this process; none, where it is alone.
    ///
    /// torchrun sets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, and comes first, as srun may
    /// have started it. A step of srun has SLURM_STEP_ID, SLURM_PROCID, SLURM_STEP_NUM_TASKS (or
    /// SLURM_NTASKS), SLURM_LOCALID and SLURM_STEP_NODELIST, whose first machine is rank 0's, else
    /// SLURM_LAUNCH_NODE_IPADDR; MASTER_ADDR and MASTER_PORT win there too. A batch script of SLURM is
    /// alone: it has no step.
    ///
    /// # Errors
    /// Where a variable is lacking, is no number, or contradicts another.
    pub fn from_env() -> Result<Option<Self>, WorldError> {
        Self::told(|name| std::env::var(name).ok().filter(|text| !text.is_empty()))
    }

    /// The same from variables that come from elsewhere.
    fn told(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, WorldError> {
        let told = Told(get);
        let has = |name| told.0(name).is_some();
        let world = if has("RANK") || has("WORLD_SIZE") || has("LOCAL_RANK") {
            told.by_torchrun()?
        } else if has("SLURM_PROCID") && has("SLURM_STEP_ID") {
            told.by_slurm()?
        } else {
            return Ok(None);
        };
        match world.rank < world.size {
            true => Ok(Some(world)),
            false => Err(WorldError::Rank { rank: world.rank, size: world.size }),
        }
    }

    /// One process, which meets nobody else.
    pub fn alone() -> Self {
        let address = "127.0.0.1".to_string();
        Self { rank: 0, size: 1, local: 0, address, port: 0, about: 0 }
    }
}

/// Variables.
struct Told<F>(F);

impl<F: Fn(&str) -> Option<String>> Told<F> {
    fn text(&self, name: &'static str) -> Result<String, WorldError> {
        self.0(name).ok_or(WorldError::Lacking(name))
    }

    fn number<T: core::str::FromStr>(&self, name: &'static str) -> Result<T, WorldError> {
        let text = self.text(name)?;
        text.trim().parse().map_err(|_| WorldError::Number { name, text })
    }

    fn by_torchrun(&self) -> Result<World, WorldError> {
        Ok(World {
            rank: self.number("RANK")?,
            size: self.number("WORLD_SIZE")?,
            local: self.number("LOCAL_RANK")?,
            address: self.text("MASTER_ADDR")?,
            port: apart(self.number("MASTER_PORT")?),
            about: 0,
        })
    }

    fn by_slurm(&self) -> Result<World, WorldError> {
        let size = match self.0("SLURM_STEP_NUM_TASKS") {
            Some(_) => self.number("SLURM_STEP_NUM_TASKS")?,
            None => self.number("SLURM_NTASKS")?,
        };
        let address = self.0("MASTER_ADDR")
            .or_else(|| self.0("SLURM_STEP_NODELIST").as_deref().and_then(first_machine))
            .map_or_else(|| self.text("SLURM_LAUNCH_NODE_IPADDR"), Ok)?;
        let port = match self.0("MASTER_PORT") {
            Some(_) => self.number("MASTER_PORT")?,
            // jobs that share a machine have ports of their own, below those that the system gives away
            None => 20_000 + (self.number::<u32>("SLURM_JOB_ID")? % 10_000) as u16,
        };
        Ok(World {
            rank: self.number("SLURM_PROCID")?,
            size,
            local: self.number("SLURM_LOCALID")?,
            address,
            port: apart(port),
            about: 0,
        })
    }
}

/// The port of this crate beside a port of torchrun's.
fn apart(port: u16) -> u16 {
    port.checked_add(APART).unwrap_or(port - APART)
}

/// The first machine of a list as SLURM writes it: `gpu[07-09,12],login` begins with `gpu07`.
fn first_machine(list: &str) -> Option<String> {
    let mut name = String::new();
    let mut letters = list.trim().chars();
    while let Some(letter) = letters.next() {
        match letter {
            ',' => break,
            '[' => {
                let group: String = letters.by_ref().take_while(|letter| *letter != ']').collect();
                name += group.split([',', '-']).next()?;
            }
            _ => name.push(letter),
        }
    }
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(variables: &[(&str, &str)]) -> Result<Option<World>, WorldError> {
        let of = |name: &str| variables.iter().find(|(it, _)| *it == name);
        World::told(|name| of(name).map(|(_, text)| text.to_string()))
    }

    const TORCHRUN: [(&str, &str); 5] = [
        ("RANK", "5"),
        ("WORLD_SIZE", "8"),
        ("LOCAL_RANK", "1"),
        ("MASTER_ADDR", "gpu01"),
        ("MASTER_PORT", "29500"),
    ];

    const SLURM: [(&str, &str); 6] = [
        ("SLURM_STEP_ID", "0"),
        ("SLURM_JOB_ID", "1234567"),
        ("SLURM_PROCID", "3"),
        ("SLURM_NTASKS", "4"),
        ("SLURM_LOCALID", "1"),
        ("SLURM_STEP_NODELIST", "gpu[07-09,12],login"),
    ];

    fn with<'a>(
        variables: &[(&'a str, &'a str)],
        name: &'a str,
        text: &'a str,
    ) -> Vec<(&'a str, &'a str)> {
        let others = variables.iter().filter(|(it, _)| *it != name).copied();
        let more = if text.is_empty() { None } else { Some((name, text)) };
        others.chain(more).collect()
    }

    use std::vec::Vec;

    #[test]
    fn torchruns_variables_are_the_part_of_a_process() {
        let world = told(&TORCHRUN).unwrap().unwrap();
        let place = (world.address.as_str(), world.port);
        assert_eq!((world.rank, world.size, world.local, place), (5, 8, 1, ("gpu01", 31_000)));
    }

    #[test]
    fn slurms_variables_are_the_part_of_a_process() {
        let world = told(&SLURM).unwrap().unwrap();
        let place = (world.address.as_str(), world.port);
        assert_eq!((world.rank, world.size, world.local, place), (3, 4, 1, ("gpu07", 26_067)));
        // a step of fewer tasks than the job
        let part = told(&with(&SLURM, "SLURM_STEP_NUM_TASKS", "2"));
        assert_eq!(part, Err(WorldError::Rank { rank: 3, size: 2 }));
        let other = with(&SLURM, "SLURM_STEP_NODELIST", "");
        let launched = with(&other, "SLURM_LAUNCH_NODE_IPADDR", "10.0.0.7");
        assert_eq!(told(&launched).unwrap().unwrap().address, "10.0.0.7");
        assert_eq!(told(&other), Err(WorldError::Lacking("SLURM_LAUNCH_NODE_IPADDR")));
    }

    #[test]
    fn torchrun_within_a_step_of_slurm_comes_first() {
        let both = [&TORCHRUN[..], &SLURM[..]].concat();
        assert_eq!(told(&both).unwrap().unwrap().rank, 5);
    }

    #[test]
    fn a_process_is_alone_without_them_and_in_a_batch_script() {
        assert_eq!(told(&[]), Ok(None));
        assert_eq!(told(&with(&SLURM, "SLURM_STEP_ID", "")), Ok(None));
    }

    #[test]
    fn what_is_lacking_or_no_number_or_contradicts_is_said_by_its_name() {
        for (name, _) in TORCHRUN {
            assert_eq!(told(&with(&TORCHRUN, name, "")), Err(WorldError::Lacking(name)));
        }
        for name in ["RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_PORT"] {
            for text in ["-1", "four", "1.0", "99999999999999999999", "0x1"] {
                let error = told(&with(&TORCHRUN, name, text)).unwrap_err();
                assert_eq!(error, WorldError::Number { name, text: text.into() });
                assert!(error.to_string().contains(name));
            }
        }
        for (rank, size) in [("8", "8"), ("0", "0")] {
            let beyond = with(&with(&TORCHRUN, "RANK", rank), "WORLD_SIZE", size);
            assert!(matches!(told(&beyond), Err(WorldError::Rank { .. })));
        }
    }

    #[test]
    fn a_port_next_to_the_last_has_one_below() {
        assert_eq!((apart(29_500), apart(65_535), apart(64_100)), (31_000, 64_035, 62_600));
    }

    #[test]
    fn the_first_machine_of_a_list_is_spelt_out() {
        let first = |list| first_machine(list).unwrap();
        assert_eq!(["a", "a,b", "gpu[3,7]", "n[1-2]x,m"].map(first), ["a", "a", "gpu3", "n1x"]);
        assert_eq!(["r[01-04]n[1-8]", " gpu-a12 "].map(first), ["r01n1", "gpu-a12"]);
        assert_eq!(["", ",", "[", "[]"].map(first_machine), [None, None, None, None]);
    }
}
