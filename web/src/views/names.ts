/** The page's views, as the address names them. */

export const VIEWS = ["ask", "schema", "history"] as const;

export type View = (typeof VIEWS)[number];

/** The id of the view that is shown. */
export const CONTENT = "content";
