"use strict";
// Tables that are sorted by a column: numbers as such, what is missing last.
{
  const value = (row, column) => {
    const text = row.cells[column].textContent.trim();
    const number = Number.parseFloat(text.replaceAll(",", ""));
    return Number.isNaN(number) ? text : number;
  };

  const compare = (one, other) => {
    if ((one === "") !== (other === "")) return one === "" ? 1 : -1;
    if (typeof one === "number" && typeof other === "number") return one - other;
    return String(one).localeCompare(String(other), "en");
  };

  const sort = (table, column) => {
    const heading = table.tHead.rows[0].cells[column];
    const descending = heading.ariaSort === "ascending";
    for (const each of table.tHead.rows[0].cells) each.ariaSort = null;
    heading.ariaSort = descending ? "descending" : "ascending";
    const rows = [...table.tBodies[0].rows].map((row) => [value(row, column), row]);
    rows.sort(([one], [other]) => {
      const order = compare(one, other);
      return descending && one !== "" && other !== "" ? -order : order;
    });
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };

  latentlab.sortable = (table) => {
    for (const [column, heading] of [...table.tHead.rows[0].cells].entries()) {
      heading.querySelector("button").addEventListener("click", () => sort(table, column));
    }
  };
}
