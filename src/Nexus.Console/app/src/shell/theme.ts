import { Anchor, Badge, Button, createTheme, Menu, Modal, Notification, Table, type MantineColorsTuple } from '@mantine/core';

const indigo: MantineColorsTuple = ['#eef2ff', '#dfe6fd', '#bccaf7', '#96acf1', '#7692ec', '#6181e9', '#3f63d8', '#3557c4', '#2d4cb0', '#22409c'];

/** The one visual language: colours, type and spacing. The showcase page shows all of it. */
export const theme = createTheme({
  primaryColor: 'indigo',
  primaryShade: { light: 6, dark: 7 },
  autoContrast: true,
  colors: { indigo },
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", "Noto Sans Mono", monospace',
  defaultRadius: 'md',
  headings: { fontWeight: '650', sizes: { h1: { fontSize: '1.5rem' }, h2: { fontSize: '1.15rem' }, h3: { fontSize: '1rem' } } },
  components: {
    Anchor: Anchor.extend({ defaultProps: { underline: 'hover' } }),
    Badge: Badge.extend({ defaultProps: { tt: 'none', radius: 'sm' } }),
    Button: Button.extend({ defaultProps: { radius: 'md' } }),
    // Opened by a key, its first entry has the focus, and not a place that nobody sees.
    Menu: Menu.extend({ defaultProps: { withInitialFocusPlaceholder: false } }),
    // A window's heading is no banner of the page.
    Modal: Modal.extend({ defaultProps: { centered: true, attributes: { header: { role: 'presentation' } }, closeButtonProps: { 'aria-label': 'Close' } } }),
    Notification: Notification.extend({ defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } }),
    Table: Table.extend({ defaultProps: { verticalSpacing: 'xs', highlightOnHover: true } }),
  },
});
