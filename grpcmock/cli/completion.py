"""``grpcmock completion``: print the completion script of a shell."""

from __future__ import annotations

import click

_USE = {
    "bash": 'eval "$(grpcmock completion bash)"          # in ~/.bashrc',
    "zsh": 'eval "$(grpcmock completion zsh)"           # in ~/.zshrc',
    "fish": "grpcmock completion fish > ~/.config/fish/completions/grpcmock.fish",
}


@click.command(epilog="\b\n" + "\n".join(_USE.values()))
@click.argument("shell", type=click.Choice(tuple(_USE)))
def command(shell: str) -> None:
    """Print the completion script of a shell."""
    from click.shell_completion import get_completion_class

    from grpcmock.cli.app import COMPLETE, NAME, cli

    completion = get_completion_class(shell)
    assert completion is not None
    click.echo(completion(cli, {}, NAME, COMPLETE).source())
