/** The outage of AIBrix, as the files that its operators had at hand. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { diagnose, evidenceOf, type Source } from "../../src/doctor/diagnose.ts";
import { outcomeOf } from "../../src/doctor/outcome.ts";
import { reportOf } from "../../src/doctor/report.ts";
import { examined, only } from "../support/doctor-rig.ts";
import { replaced } from "../support/replaced.ts";

/** A screen. */
const COLUMNS = 120;
const ROWS = 50;

describe("the outage of AIBrix: a full disk, a policy that was refused for it, and 503 on the one route", () => {
  const folder = new URL("../fixtures/doctor/aibrix-disk-full/", import.meta.url);
  const names = ["policies.yaml", "nodes.yaml", "envoy-gateway.log", "envoy.log", "access.log", "config_dump.json"];
  const files = names.map((name): Source => ({ name, text: readFileSync(new URL(name, folder), "utf8") }));

  test("the chain stands in one screen: disk, policy, filter, destination, and the way back", () => {
    const seen = examined(files);
    expect(seen.row, seen.report).toBe(2);
    const screen = seen.report.split("\n").slice(0, 40).join("\n");
    // In this order.
    expect(screen).toMatch(
      new RegExp(
        [
          "BROKEN: control plane: EnvoyExtensionPolicy aibrix-system/aibrix-gateway-plugins-extension-policy is not accepted",
          "Wasm: wasm cache is not initialized",
          "no space left on device",
          "DiskPressure",
          "Free the disk",
          "rollout restart deployment/envoy-gateway -n envoy-gateway-system",
          "rollout restart deployment -n envoy-gateway-system -l gateway.envoyproxy.io/owning-gateway-name=aibrix-eg",
          "1\\.4\\.1, 1\\.5\\.0",
          "Policy has been accepted",
          "of the last \\d+ requests failed: \\d+ of \\d+ on original_route, 0 of \\d+ on ",
          "row 1, filter-not-run: route original_route",
        ].join("[\\s\\S]*"),
      ),
    );
    expect(screen).toContain("original_destination_cluster");
    expect(screen).toContain('"response_flags":"UH"');
    expect(seen.report).toContain("A warning about the way a route is written; it has no effect.");
    const rows = seen.report.split("\n").map((line) => Math.max(1, Math.ceil(line.length / COLUMNS)));
    expect(
      rows.reduce((sum, each) => sum + each),
      seen.report,
    ).toBeLessThanOrEqual(ROWS);
  });

  test("a disk that is full elsewhere is not the controller's", () => {
    const [nodes] = only(files, "nodes.yaml");
    const text = replaced(nodes?.text ?? "", /nodeName: worker-2/, "nodeName: worker-1");
    const pod = "2026-10-03T04:00:00Z ERROR vllm worker: OSError: [Errno 28] No space left on device: '/models'";
    const others = [
      { name: "nodes.yaml", text },
      { name: "vllm.log", text: pod },
    ];
    const seen = examined([...only(files, "policies.yaml"), ...others]);
    expect([seen.row, seen.verdict.first?.because], seen.report).toEqual([2, []]);
    expect(seen.report).not.toContain("the disk of the controller is full");
  });

  describe("after the repair", () => {
    const textOf = (name: string) => only(files, name)[0]?.text ?? "";
    const type = "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor";
    const filter = {
      name: "envoy.filters.http.ext_proc/envoyextensionpolicy/aibrix-system/aibrix-gateway-plugins-extension-policy/extproc/0",
      disabled: true,
      typed_config: {
        "@type": type,
        grpc_service: { envoy_grpc: { cluster_name: "picker" } },
        processing_mode: { request_body_mode: "BUFFERED" },
      },
    };
    const cluster = { name: "picker", type: "STRICT_DNS", http2_protocol_options: {} };
    const made = replaced(
      textOf("config_dump.json"),
      /"http_filters": \[/,
      `"http_filters": [${JSON.stringify(filter)},`,
    );
    const repaired = replaced(made, /"dynamic_active_clusters": \[/, `$&${JSON.stringify({ cluster })},`);
    const looked = (access: string) => {
      const evidence = evidenceOf([
        { name: "config_dump.json", text: repaired },
        { name: "access.log", text: access },
      ]);
      const verdict = diagnose(evidence);
      const rows = [verdict.first, ...verdict.also].map((finding) => finding?.row.row);
      return { rows, outcome: outcomeOf(verdict, evidence), report: reportOf(verdict, evidence) };
    };

    test("what failed before is no verdict of now: another request has to tell", () => {
      const seen = looked(textOf("access.log"));
      expect([seen.rows, seen.outcome], seen.report).toEqual([[undefined], "unknown"]);
      expect(seen.report).toMatch(
        /^NO VERDICT: 1 of the last 1 requests failed on route original_route while no filter ran for them, .*: send a request, and look again/,
      );
    });

    test("a body that was taken in shows that the filter ran: it is the address then", () => {
      const read = replaced(textOf("access.log"), /"bytes_received":0/, '"bytes_received":90');
      const seen = looked(read);
      expect([seen.rows, seen.outcome], seen.report).toEqual([[5], "broken"]);
    });
  });

  test("without the node and the log the policy is the verdict still", () => {
    expect(examined(only(files, "policies.yaml")).row).toBe(2);
    expect(examined(only(files, "policies.yaml", "access.log")).row).toBe(2);
    // The controller's log alone is enough, as nobody looked at the policies.
    const logged = examined(only(files, "envoy-gateway.log"));
    expect([logged.row, logged.verdict.first?.says], logged.report).toEqual([
      2,
      "the controller has no folder for Wasm modules, for its disk is full, and refuses every EnvoyExtensionPolicy",
    ]);
  });

  test("from the line of the access log alone: what did not run, what it led to, and where to look next", () => {
    const [access] = only(files, "access.log");
    const [, failed = ""] = access?.text.split("\n") ?? [];
    const seen = examined([{ name: "--line", text: failed }]);
    expect([seen.row, seen.also], seen.report).toEqual([1, []]);
    expect(seen.report.split("\n")[0]).toContain(
      "ext_proc did not run on this route (original_route); the original-destination cluster original_destination_cluster got no address",
    );
    expect(seen.report).toContain("kubectl get envoyextensionpolicy,envoypatchpolicy -A -o yaml");
    expect(seen.report).toContain("curl -s ADMIN/config_dump");
  });

  test("the plain request beside it says nothing", () => {
    const [access] = only(files, "access.log");
    const [plain = ""] = access?.text.split("\n") ?? [];
    expect(examined([{ name: "--line", text: plain }]).row).toBeUndefined();
  });

  test("once the policy is accepted and the filter is there, nothing is left", () => {
    const [policies] = only(files, "policies.yaml");
    const text = replaced(policies?.text ?? "", /status: "False"/, 'status: "True"').replace(
      "Wasm: wasm cache is not initialized",
      "Policy has been accepted.",
    );
    expect(examined([{ name: "policies.yaml", text }]).row).toBeUndefined();
  });
});
