"""Manifests of one app in one environment, as `statewright graph -o bazel` lists them.

This file and the BUILD.bazel that is made lie at the top of the repository, and the program, or a link to it, in bin/.
"""

# A sandbox shows its inputs as links that lead out of it, and statewright follows none out of a repository: it gets
# files of its own.
_COMPILE = """set -eu
out=$PWD/$1 env=$2 tool=$PWD/$3 spec=$4
shift 4
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
tar -chf - "$@" | tar -xf - -C "$work"
cd "$work"
"$tool" -q compile --env "$env" --out "$out" "$spec"
"""

def _manifests(ctx):
    outs = [ctx.actions.declare_file("/".join([ctx.label.name + ".manifests", ctx.attr.env, name])) for name in ctx.attr.outs]
    last = "/".join([ctx.attr.env, ctx.attr.outs[0]])
    arguments = ctx.actions.args()
    arguments.add_all([outs[0].path[:-len(last) - 1], ctx.attr.env, ctx.file.tool.path, ctx.file.spec.path])
    arguments.add_all(ctx.files.srcs)
    ctx.actions.run_shell(
        command = _COMPILE,
        arguments = [arguments],
        inputs = ctx.files.srcs,
        tools = [ctx.file.tool],
        outputs = outs,
        mnemonic = "Statewright",
        progress_message = "Compiling %s for %s" % (ctx.file.spec.short_path, ctx.attr.env),
    )
    return [DefaultInfo(files = depset(outs))]

statewright_manifests = rule(
    implementation = _manifests,
    attrs = {
        "env": attr.string(mandatory = True, doc = "The environment."),
        "outs": attr.string_list(mandatory = True, allow_empty = False, doc = "The names of the manifests, and of their index."),
        "spec": attr.label(mandatory = True, allow_single_file = True, doc = "The spec."),
        "srcs": attr.label_list(mandatory = True, allow_files = True, doc = "Every file that is read, the spec among them."),
        "tool": attr.label(
            default = "//:bin/statewright",
            allow_single_file = True,
            cfg = "exec",
            doc = "The program.",
        ),
    },
)
