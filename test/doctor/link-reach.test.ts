/** Faults of the way to the picker, each made for real: nothing comes back, or nobody is where Envoy looks. */
import { describe, expect, test } from "vitest";
import { type Edit, pickersAt, places } from "../../src/demo/envoy-config.ts";
import { type DeafPort, startBlockedPort, startHungPort } from "../support/deaf-port.ts";
import { edits, produce, timeoutOf } from "../support/doctor-faults.ts";
import { hasEnvoy, startDoctorRig } from "../support/doctor-rig.ts";

const { noHealthChecks } = edits;
const NOBODY = "127.0.0.1:1";

describe.skipIf(!(await hasEnvoy()))("the way to the picker", () => {
  describe("row 10: nothing comes back", () => {
    const unanswered = { row: 10, times: 1, byCounters: 10 };

    async function withDeaf(start: () => Promise<DeafPort>, run: (at: Edit) => Promise<void>): Promise<void> {
      const deaf = await start();
      try {
        await run(pickersAt([deaf.address]));
      } finally {
        deaf.close();
      }
    }

    test("neither connection nor refusal", () =>
      withDeaf(startBlockedPort, async (at) => {
        const patient = { ...unanswered, edits: [at, noHealthChecks], status: 503, byLines: 10 };
        await produce({ ...patient, proof: /upstream_cx_connect_timeout: \d/ });
        // The words are those of a wait that is too short; only the counters tell that there was no connection.
        const hasty = { ...unanswered, edits: [at, noHealthChecks, timeoutOf("0.5s")], status: 504, byLines: 8 };
        await produce({ ...hasty, proof: /upstream_cx_rx_bytes_total is not counted|upstream_cx_rx_bytes_total: 0/ });
      }));

    test("a connection that nobody answers on", () =>
      withDeaf(startHungPort, async (at) => {
        const edits = [at, noHealthChecks, timeoutOf("1.2s")];
        await produce({ ...unanswered, edits, status: 504, byLines: 10, proof: /upstream_cx_rx_bytes_total: 0/ });
      }));
  });

  describe("row 12: nobody listens", () => {
    const refused = { row: 12, status: 503, byLines: 12, byCounters: 12 };

    test("the connection is refused", async () => {
      await produce({ ...refused, edits: [pickersAt([NOBODY]), noHealthChecks], proof: /Connection_refused/ });
    });

    test("the health check has found out", async () => {
      const rig = await startDoctorRig({ edits: [pickersAt([NOBODY])] });
      while (!(await rig.envoy.admin("/clusters")).includes("/failed_active_hc")) await rig.ask();
      const seen = await rig.examine();
      await rig.stop();
      expect([seen.row, seen.also, seen.risks], seen.report).toEqual([12, [], []]);
    });

    test("the name cannot be resolved", async () => {
      const name = { address: { socket_address: { address: "picker.nowhere.invalid", port_value: 9002 } } };
      const seen = await produce({
        ...refused,
        edits: [
          noHealthChecks,
          { op: "set", at: [...places.picker, "type"], to: "STRICT_DNS" },
          {
            op: "set",
            at: [...places.picker, "load_assignment", "endpoints", 0, "lb_endpoints"],
            to: [{ endpoint: name }],
          },
        ],
        proof: /no_healthy_upstream|membership_total: 0/,
      });
      expect(seen.verdict.first?.says).toContain("picker.nowhere.invalid:9002 is no name that Envoy can resolve");
    });

    test("its Service selects other pods", async () => {
      const seen = await produce({
        ...refused,
        edits: [pickersAt(["127.0.0.3:9002"]), noHealthChecks],
        proof: /spec\.selector/,
        more: () => [{ name: "objects.yaml", text: serviceOfNobody }],
      });
      expect(seen.report).toContain("kubectl get pods,endpointslices -n default -l app=pointsmen");
    });
  });

  test("row 13: the socket of a sidecar is not there", async () => {
    const pipe = { address: { pipe: { path: "/run/pointsman-nobody/run.sock" } } };
    const at = [...places.picker, "load_assignment", "endpoints", 0, "lb_endpoints"];
    const seen = await produce({
      edits: [noHealthChecks, { op: "set", at, to: [{ endpoint: pipe }] }],
      row: 13,
      proof: /No_such_file_or_directory/,
      status: 503,
      byLines: 13,
      byCounters: 13,
    });
    expect(seen.report).toContain("/run/pointsman-nobody/run.sock exists");
  });

  test("row 52: the cluster has the address of a Service that was made anew", async () => {
    const objects = { name: "objects.yaml", text: serviceAt("127.0.0.9") };
    const seen = await produce({
      edits: [pickersAt(["127.0.0.8:9002"]), noHealthChecks],
      row: 52,
      proof: /has the endpoint 127\.0\.0\.8/,
      status: 503,
      // By themselves both say no more than that nobody is there.
      byLines: 12,
      byCounters: 12,
      more: () => [objects],
    });
    expect(seen.report).toContain("In cluster picker: address 127.0.0.9 in place of 127.0.0.8");
  });
});

const serviceAt = (address: string) => `
apiVersion: v1
kind: Service
metadata: { name: picker, namespace: default }
spec:
  clusterIP: ${address}
  selector: { app: pointsmen }
  ports: [{ name: grpc, port: 9002 }]
`;

const serviceOfNobody = `${serviceAt("127.0.0.3")}
---
apiVersion: v1
kind: Pod
metadata: { name: pointsman-0, namespace: default, labels: { app: pointsman } }
status: { podIP: 127.0.0.4 }
`;
