// Times in the viewer's zone; the server is told of it, for filters by day.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (number) => String(number).padStart(2, "0");

/** Put each time below a node into the viewer's zone, in the words that the server uses. */
export function times(node) {
  const path = new URL(document.body.dataset.root, location.href).pathname.replace(/\/$/, "") || "/";
  document.cookie = `pearshop_admin_zone=${zone}; path=${path}; max-age=31536000; samesite=strict`;
  for (const each of node.querySelectorAll("time[datetime]")) {
    const at = new Date(each.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const day = `${at.getDate()} ${months[at.getMonth()]} ${at.getFullYear()}`;
    each.textContent = `${day}, ${two(at.getHours())}:${two(at.getMinutes())}`;
    each.title = at.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
  }
}
