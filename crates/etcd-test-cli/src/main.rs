//! `etcd-test`: the ten calls from the command line.

mod access;
mod args;
mod command;
mod demo;
mod discover;
mod exit;
mod output;

use std::process::ExitCode;

use anyhow::Context as _;
use args::{Cli, Command};
use etcd_client::{Session, servers};
use exit::Exit;
use output::Output;

fn main() -> ExitCode {
    let cli = match Cli::from_command_line(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return exit::usage(&error).into(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = match runtime.context("no runtime can be started") {
        Ok(runtime) => {
            let ended = runtime.block_on(run(&cli));
            // A read of standard input that is under way cannot be waited for.
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(error),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => exit::report(&error).into(),
    }
}

async fn run(cli: &Cli) -> anyhow::Result<Exit> {
    let command = execute(cli);
    // They have something to give up, to wait for or to remove when interrupted.
    if matches!(cli.command, Command::Lock(_) | Command::Demo) {
        return command.await;
    }
    tokio::select! {
        ended = command => ended,
        _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
    }
}

async fn execute(cli: &Cli) -> anyhow::Result<Exit> {
    let output = Output::new(cli.output);
    match &cli.command {
        Command::Serve(args) => command::serve::run(args, &output).await,
        Command::Demo => demo::run(cli, &output).await,
        command => on_servers(cli, command, &output).await,
    }
}

async fn on_servers(cli: &Cli, command: &Command, output: &Output) -> anyhow::Result<Exit> {
    let found = discover::servers(cli).await?;
    let servers = found.as_deref().unwrap_or_else(|| cli.servers());
    servers::check(servers)?;
    let session = &Session::open_with(servers, cli.session_options()?).await?;
    match command {
        Command::Get(args) => command::get::run(session, args, output).await,
        Command::List(args) => command::list::run(session, args, output).await,
        Command::Tree(args) => command::tree::run(session, args, output).await,
        Command::Set(args) => command::set::run(session, args, output).await,
        Command::Delete(args) => command::delete::run(session, args, output).await,
        Command::Watch(args) => command::watch::run(session, args, output).await,
        Command::Leader => command::leader::run(session, output).await,
        Command::Lock(args) => command::lock::run(session, args, output).await,
        Command::Unlock(args) => command::unlock::run(session, args, output).await,
        Command::Serve(args) => command::serve::run(args, output).await,
        Command::Demo => demo::run(cli, output).await,
    }
}
