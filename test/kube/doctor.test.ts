/** `pointsman doctor --kubeconfig` against a real API server: what it reads there, what it may not, and what it makes of it. */
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { runCommand } from "../support/command-process.ts";
import { findCrdFiles, newestCrd } from "../support/crd-files.ts";
import { examined } from "../support/doctor-rig.ts";
import { findTestKube } from "../support/kube-binary.ts";
import type { KubeObject } from "../support/kube-client.ts";
import { applyFixture } from "../support/kube-fixtures.ts";
import type { KubeNamespace } from "../support/kube-namespace.ts";
import { KubeServer } from "../support/kube-server.ts";
import { startPicker } from "../support/picker-process.ts";
import { noteRows } from "../support/seen-rows.ts";

interface Found {
  readonly row: number;
  readonly object: string;
  readonly evidence: readonly { readonly source: string; readonly text: string }[];
  readonly because: readonly { readonly says: string }[];
}

interface Told {
  readonly first: Found | null;
  readonly also: readonly Found[];
  readonly risks: readonly Found[];
  readonly unread: readonly { readonly source: string; readonly why: string }[];
}

const [kube, crds] = await Promise.all([findTestKube(), findCrdFiles()]);
const envoyGateway = "gateway.envoyproxy.io";
const kinds: readonly (readonly [string, string])[] = [
  ["gateway.networking.k8s.io", "Gateway"],
  ["gateway.networking.k8s.io", "HTTPRoute"],
  ["gateway.networking.k8s.io", "ReferenceGrant"],
  ["inference.networking.k8s.io", "InferencePool"],
  [envoyGateway, "EnvoyExtensionPolicy"],
  [envoyGateway, "EnvoyPatchPolicy"],
  // Of the group's versions the preferred one has the first of these, and not the second.
  ["networking.istio.io", "DestinationRule"],
  ["networking.istio.io", "EnvoyFilter"],
];
const groups = ["", ...new Set(kinds.map(([group]) => group))];

/** As a program reads it. */
async function told(kubeconfig: string): Promise<Told & { code: number | null }> {
  const { code, stdout, stderr } = await runCommand("doctor", "--kubeconfig", kubeconfig, "--json");
  expect(stderr).toBe("");
  const { first, also, risks, unread } = JSON.parse(stdout) as Told;
  noteRows(
    "server",
    [...(first === null ? [] : [first]), ...also, ...risks].map(({ row }) => row),
  );
  return { code, first, also, risks, unread };
}

describe.skipIf(kube.isMissing || crds.isMissing)(
  `pointsman doctor at a real API server${kube.note || crds.note}`,
  () => {
    let server: KubeServer;
    let namespace: KubeNamespace;

    beforeAll(async () => {
      server = await KubeServer.start({ binary: kube.binary });
      for (const [group, kind] of kinds) await server.admin.createKind(newestCrd(group, kind));
    });

    afterAll(() => server?.stop());

    beforeEach(async () => {
      namespace = await server.createNamespace();
    });

    /** Of somebody who may list these in the namespace of the test, and nothing anywhere else. */
    async function ofOneWhoLists(...resources: readonly string[]): Promise<string> {
      const token = await namespace.createServiceAccount("looker");
      if (resources.length > 0) {
        await namespace.createRole("looking", [{ groups, resources, verbs: ["list"] }]);
        await namespace.bindRole("looking", { serviceAccount: "looker" });
      }
      return server.writeKubeconfig({ token, namespace: namespace.name });
    }

    // The first of them, as it sees every namespace.
    test("names the row of a refused policy, with the condition and the node behind it, and says what it could not read", async () => {
      for (const file of ["policies.yaml", "nodes.yaml"])
        await applyFixture(server, namespace, `aibrix-disk-full/${file}`);
      const { code, first, also, unread } = await told(server.kubeconfig());
      expect([code, first?.row, also]).toEqual([1, 2, []]);
      // There is no kubelet that would have its log.
      const log = `log of pod ${namespace.name}/envoy-gateway-7c9d-x2x4z, envoy-gateway`;
      expect(unread).toEqual([{ source: log, why: expect.stringMatching(/^the API server answers 5\d\d$/) }]);
      const title = `EnvoyExtensionPolicy ${namespace.name}/aibrix-gateway-plugins-extension-policy`;
      expect(first?.object).toBe(title);
      expect(first?.evidence[0]).toMatchObject({
        text: expect.stringContaining("Wasm: wasm cache is not initialized"),
      });
      expect(first?.because.map(({ says }) => says)).toEqual([expect.stringContaining("node is short of disk.")]);
    });

    test("says which rights are missing, and names the row by what it may see", async () => {
      await applyFixture(server, namespace, "aibrix-disk-full/policies.yaml");
      const kubeconfig = await ofOneWhoLists("envoyextensionpolicies", "httproutes");
      const { code, first, unread } = await told(kubeconfig);
      expect([code, first?.row]).toEqual([1, 2]);
      const own = `no right to list them in all namespaces but ${namespace.name}`;
      const none = "no right to list them in any namespace";
      const why = Object.fromEntries(unread.map(({ source, why }) => [source, why]));
      expect(why).toMatchObject({
        [`envoyextensionpolicies.${envoyGateway}`]: own,
        "httproutes.gateway.networking.k8s.io": own,
        [`envoypatchpolicies.${envoyGateway}`]: none,
        "envoyfilters.networking.istio.io": none,
        pods: none,
        nodes: none,
      });
      // What the server does not have is no right that is missing.
      expect(
        Object.keys(why).filter((source) => /backendtlspolicies|gatewayclasses|llminference/.test(source)),
      ).toEqual([]);
      const { stdout } = await runCommand("doctor", "--kubeconfig", kubeconfig);
      expect(stdout).toMatch(/^BROKEN: control plane: EnvoyExtensionPolicy .*\(row 2, policy-refused-disk-full\)/);
      expect(stdout).toContain(`- pods: ${none}`);
    });

    test("without any right has no verdict, and says of each kind that it may not list it", async () => {
      const { code, first, unread } = await told(await ofOneWhoLists());
      expect([code, first]).toEqual([3, null]);
      expect(new Set(unread.map(({ why }) => why))).toEqual(new Set(["no right to list them in any namespace"]));
      expect(unread.map(({ source }) => source)).toEqual(expect.arrayContaining(["services", "deployments.apps"]));
    });

    test("with a token that is none says what the server answers", async () => {
      const { code, unread } = await told(await server.writeKubeconfig({ token: "nobody" }));
      expect([code, unread]).toEqual([
        3,
        [{ source: "kubeconfig", why: expect.stringContaining("answers 401 to /apis") }],
      ]);
    });

    test.each([
      { row: 39, files: ["accepted/pools-off.yaml"] },
      { row: 42, files: ["two-gateways/objects.yaml", "two-gateways/inserting.yaml"] },
      { row: 46, files: ["accepted/pool-group.yaml"] },
      { row: 48, files: ["accepted/gateway-down.yaml"] },
      { row: 49, files: ["accepted/no-address.yaml"] },
      { row: 51, files: ["two-gateways/objects.yaml", "two-gateways/replacing.yaml"] },
      { row: 51, files: ["two-gateways/objects.yaml", "two-gateways/extension-policy.yaml"] },
      { row: 58, files: ["accepted/refused-policy.yaml"] },
    ])("row $row by $files", async ({ row, files }) => {
      for (const file of files) await applyFixture(server, namespace, file);
      const { code, first, also } = await told(await ofOneWhoLists("*"));
      expect([code, first?.row, also.map((each) => each.row)]).toEqual([1, row, []]);
    });

    test("row 41: a change by hand is a risk while it stands, and a fault once the operator has undone its part", async () => {
      const owner = { apiVersion: "llm.example.com/v1", kind: "SchedulerInstall", name: "gaie", uid: "3a40e8f2" };
      const filter = {
        ...namespace.ref("EnvoyFilter", "epp-filter", "networking.istio.io/v1alpha3"),
        metadata: { name: "epp-filter", namespace: namespace.name, ownerReferences: [owner] },
        spec: { configPatches: [{ applyTo: "HTTP_FILTER", patch: { operation: "REMOVE" } }] },
      };
      await server.admin.apply(filter, "scheduler-controller");
      await server.admin.patch(filter, { spec: { priority: 5, configPatches: [] } }, "kubectl-edit");
      const kubeconfig = await ofOneWhoLists("envoyfilters");
      const standing = await told(kubeconfig);
      expect([standing.code, standing.first, standing.risks.map(({ row }) => row)]).toEqual([2, null, [41]]);
      // Kubernetes dates changes by the second.
      const changed = dateOf(await server.admin.read(filter), "kubectl-edit");
      await expect.poll(() => Date.now(), { timeout: 30_000 }).toBeGreaterThanOrEqual(changed + 1000);
      await server.admin.apply(filter, "scheduler-controller");
      const undone = await told(kubeconfig);
      expect([undone.code, undone.first?.row, undone.first?.object]).toEqual([
        1,
        41,
        `EnvoyFilter ${namespace.name}/epp-filter`,
      ]);
      // Once no field is the person's any more the server does not know that there was one.
      await server.admin.patch(filter, { spec: { priority: 0 } }, "scheduler-controller");
      const forgotten = await told(kubeconfig);
      expect([forgotten.first, forgotten.risks]).toEqual([null, []]);
    });

    test("row 40 by the log of a picker that may not list its pods", async () => {
      const kubeconfig = await ofOneWhoLists();
      const picker = await startPicker([`--inference-pool=${namespace.name}/vllm`], { KUBECONFIG: kubeconfig });
      onTestFinished(() => picker.kill());
      await picker.line((line) => JSON.stringify(line).includes("is forbidden"));
      const text = picker.log.map((line) => JSON.stringify(line)).join("\n");
      const { row, verdict, report } = examined([{ name: "picker.log", text }]);
      expect([row, verdict.first?.object], report).toEqual([40, `system:serviceaccount:${namespace.name}:looker`]);
      noteRows("run", [40]);
    });
  },
);

/** Of a manager's last change, in ms. */
function dateOf({ metadata }: KubeObject, manager: string): number {
  const entries = metadata["managedFields"] as readonly { readonly manager: string; readonly time: string }[];
  return Date.parse(entries.find((entry) => entry.manager === manager)?.time ?? "");
}
