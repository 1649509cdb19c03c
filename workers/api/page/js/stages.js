/** A job's stages in words. Pure. */

const NAMES = {
  "audio-extraction": ["Sound", "Extracting the sound"],
  transcription: ["Transcript", "Transcribing"],
  "music-terms": ["Terms", "Marking music terms"],
};

export const STAGES = Object.keys(NAMES);
export const ENDED = new Set(["completed", "failed", "cancelled"]);

export function stageName(stage) {
  return NAMES[stage]?.[0] ?? stage;
}

/** What a job is doing, in a few words. */
export function doing(job) {
  switch (job.state) {
    case "completed":
      return "Ready";
    case "failed":
      return "Failed";
    case "cancelled":
      return "Cancelled";
    case "running":
      return NAMES[job.stage]?.[1] ?? "Working";
    default:
      return "Waiting to start";
  }
}

/** Return each stage with how far it is: `done`, `now`, `failed` or `later`. */
export function steps(job) {
  if (job.state === "completed") return STAGES.map((stage) => ({ stage, is: "done" }));
  const at = STAGES.indexOf(job.stage);
  const here = { failed: "failed", cancelled: "failed", running: "now" }[job.state] ?? "later";
  return STAGES.map((stage, place) => ({ stage, is: place < at ? "done" : place === at ? here : "later" }));
}

/** Whether there is a transcript to read, though later stages may still be going on. */
export function readable(job) {
  return job.transcript_version > 0;
}
