//! What `--help` shows of each command in use. Every line of it is run by a test.

pub(super) const COMPILE: &str = "\
Examples:
  # Write the manifests of every app below this folder
  statewright compile

  # Write one environment of one app
  statewright compile --env dev apps/kubia

  # Fail if what is committed is not what the specs compile to
  statewright compile --check

  # Print the manifests instead of writing them
  statewright compile --env dev -o yaml apps/kubia";

pub(super) const CHECK: &str = "\
Examples:
  # Check every spec below this folder, and the manifests that are not compiled
  statewright check

  # Check manifests written by anyone against Kubernetes 1.33
  statewright check --kubernetes 1.33 manifests/

  # Check what another tool prints
  cat manifests/*.yaml | statewright check -

  # Validate custom resources by their definitions
  statewright check --crd crds/ manifests/

  # Show what can be mended, then mend it in place: misspelt names, missing quotes, retired versions
  statewright check --diff
  statewright check --fix

  # Count what is found, by code
  statewright check --statistics";

pub(super) const CI: &str = "\
Examples:
  # Check, and review what the branch changes against main
  statewright ci --base origin/main

  # Look only at the apps that the branch can have changed
  statewright ci --base origin/main --affected origin/main

  # Against a snapshot of the cluster that another job commits
  statewright ci --live dump.yaml --env dev

  # Annotate the lines in GitHub, and write a comment
  statewright ci --base origin/main --format github --format markdown=review.md";

pub(super) const DIFF: &str = "\
Examples:
  # Review what your edit of a spec will do to the cluster
  statewright diff

  # Review against what main has committed
  statewright diff --against origin/main

  # Compare two folders of manifests
  statewright diff old/ new/

  # Review on the cluster as it is, with its quotas and policies
  statewright diff --cluster cluster.yaml

  # Review against what runs: drift, and what an apply does to it
  statewright diff --live dump.yaml --env dev

  # Write a page for the browser
  statewright diff --format html=review.html";

pub(super) const COMPARE: &str = "\
Examples:
  # Say where two environments differ, in every app below this folder
  statewright compare dev prod

  # The same of one app, as a page for the browser
  statewright compare dev prod apps/kubia --format html=parity.html";

pub(super) const UPGRADE: &str = "\
Examples:
  # Compare the version of each environment with the newest
  statewright upgrade

  # Compare two versions for manifests written by anyone
  statewright upgrade --from 1.33 --to 1.36 manifests/

  # The same for what another tool prints
  cat manifests/*.yaml | statewright upgrade --from 1.33 -";

pub(super) const REHEARSE: &str = "\
Examples:
  # Simulate applying an environment to an empty cluster
  statewright rehearse apps/kubia/deploy/dev

  # Simulate an upgrade: apply one folder, then the other
  statewright rehearse old/ new/

  # Simulate on the nodes and storage classes of your cluster
  statewright rehearse --cluster cluster.yaml apps/kubia/deploy/dev

  # Say what is lost and what brings it back when a node fails, or each zone in turn
  statewright rehearse --cluster cluster.yaml --fail node=minikube apps/kubia/deploy/dev
  statewright rehearse --fail each-zone apps/kubia/deploy/dev";

pub(super) const SNAPSHOT: &str = "\
Examples:
  # Reduce a dump to a file for git, and say what it lacks
  statewright snapshot dump.yaml --output snapshot.yaml

  # From what kubectl prints
  cat dump.yaml | statewright snapshot -";

pub(super) const INSPECT: &str = "\
Examples:
  # List the replicas of every app below this folder
  statewright inspect

  # As JSON, for one environment
  statewright inspect --env prod -o json apps/kubia

  # Draw which pod holds which claim, volume and disk
  statewright inspect --env prod -o svg apps/kubia

  # Only the pods, as kubectl names them
  statewright inspect --env prod -o name apps/kubia";

pub(super) const USES: &str = "\
Examples:
  # List what all apps below this folder take of their clusters
  statewright uses

  # Only disks and node ports, as JSON
  statewright uses --only disk --only node-port -o json

  # Against the nodes and quotas of a cluster
  statewright uses --cluster cluster.yaml --env prod";

pub(super) const GRAPH: &str = "\
Examples:
  # Every action with its inputs and outputs, for programs
  statewright graph

  # Compile only what changed, with Ninja
  statewright graph -o ninja >build.ninja

  # Share the apps out to four jobs of a pipeline
  statewright graph -o matrix --jobs 4

  # What Argo CD is to watch for each Application
  statewright graph -o argocd";

pub(super) const EXPLAIN: &str = "\
Examples:
  # Explain a finding
  statewright explain SW0201

  # Explain a field of the spec
  statewright explain storage.size

  # Find the spec that a manifest was compiled from
  statewright explain apps/kubia/deploy/dev/StatefulSet-kubia.yaml";

pub(super) const INIT: &str = "\
Examples:
  # Write shop/statewright.yaml
  statewright init shop

  # Start from the spec of a real app, in these environments
  statewright init --like redis --name cache --env dev --env prod cache

  # Write a workspace, a CI workflow, a hook and an Argo CD Application as well
  statewright init --workspace shop";

pub(super) const IMPORT: &str = "\
Examples:
  # Write one spec for each StatefulSet in a folder of manifests
  statewright import legacy/

  # From what another tool prints, into a folder of its own
  cat legacy/*.yaml | statewright import --out apps -

  # One spec of several environments
  statewright import --env dev=overlays/dev --env prod=overlays/prod

  # Attach the proof to a pull request
  statewright import --format markdown=proof.md legacy/";

pub(super) const SCHEMA: &str = "\
Examples:
  # Let an editor complete and validate specs
  statewright schema > statewright.schema.json

  # The same for the workspace's file
  statewright schema --workspace > statewright-workspace.schema.json";

pub(super) const COMPLETIONS: &str = "\
Examples:
  # Complete commands, apps, environments, codes and fields in this shell
  source <(statewright completions bash)

  # In every zsh and fish to come
  statewright completions zsh > _statewright
  statewright completions fish > statewright.fish";

pub(super) const LSP: &str = "\
Examples:
  # What an editor runs for files called statewright.yaml, and for manifests
  statewright lsp

  # The same for an editor that says how it speaks
  statewright lsp --stdio";

pub(super) const WATCH: &str = "\
Examples:
  # Compile all apps below this folder, and review against HEAD, whenever a file changes
  statewright watch

  # One app against main, with the review as a page for the browser
  statewright watch --base origin/main --serve 8023 apps/kubia";

pub(super) const MCP: &str = "\
Examples:
  # What an agent's configuration names, with this folder as its working directory
  statewright mcp

  # Ask by hand which tools there are
  echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}' | statewright mcp";

pub(super) const ARGOCD: &str = "\
Examples:
  # What the plugin runs in an app's folder
  cd apps/kubia && statewright argocd generate --env dev

  # What Argo CD shows as the app's parameters
  cd apps/kubia && statewright argocd parameters";

pub(super) const ARGOCD_GENERATE: &str = "\
Examples:
  # Print the manifests of one environment
  cd apps/kubia && statewright argocd generate --env dev

  # The environment as Argo CD hands it over
  cd apps/kubia && ARGOCD_ENV_ENV=prod statewright argocd generate";

pub(super) const ARGOCD_PARAMETERS: &str = "\
Examples:
  # List what may be set
  cd apps/kubia && statewright argocd parameters

  # Only their names
  cd apps/kubia && statewright argocd parameters | grep -o '\"name\":\"[a-z]*\"'";

pub(super) const MAN: &str = "\
Examples:
  # Write the manual page into a file
  statewright man > statewright.1

  # Write the pages of all commands where man finds them
  statewright man --out .local/share/man/man1";
